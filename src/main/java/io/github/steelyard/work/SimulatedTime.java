package io.github.steelyard.work;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Time as it would pass if every worker had a core of its own: any number of workers run the real schedules, one at a
/// time, in the order of their simulated clocks.
///
/// A worker's clock goes on by what it says that its work takes ([#spend]), and by what a real clock says that it took
/// from one call of this monitor to the next. Between two [#forEach][Workers#forEach] that of the thread that calls
/// them counts, while all workers wait.
///
/// With a clock that stands still the result depends on nothing else than the times that are said. What workers do to
/// one another other than by waiting, through caches, memory and the monitor's own lock, is not simulated.
public final class SimulatedTime implements Monitor {

    private static final double SECONDS = 1e-9;

    private static final class Turn {

        private final int worker;
        private final Semaphore mine = new Semaphore(0);
        private double at;
        private long order;
        private long since; // of the real clock

        Turn(int worker) {
            this.worker = worker;
        }
    }

    private final int workers;
    private final LongSupplier clock;
    private final Map<Thread, Turn> turns = new ConcurrentHashMap<>();
    private final PriorityQueue<Turn> ready = new PriorityQueue<>(
            Comparator.<Turn>comparingDouble(turn -> turn.at).thenComparingLong(turn -> turn.order));
    private final List<Turn> waiting = new ArrayList<>();
    private final List<Turn> arrived = new ArrayList<>();
    private int beginning; // how many are to arrive
    private int active;
    private long orders;
    private long aloneSince;
    private double now; // seconds
    private double spent; // seconds, of all workers
    private double alone; // seconds

    /// @param workers how many there are
    /// @param clock nanoseconds of the calling thread, of which it reads differences; `() -> 0` if all times are said
    public SimulatedTime(int workers, LongSupplier clock) {
        this.workers = workers;
        this.beginning = workers;
        this.clock = clock;
        this.aloneSince = clock.getAsLong();
    }

    /// Returns the seconds that have passed.
    public synchronized double now() {
        return now;
    }

    /// Returns the seconds that all workers together have worked.
    public synchronized double spent() {
        return spent;
    }

    /// Returns the seconds in which one thread worked while no worker did.
    public synchronized double alone() {
        return alone;
    }

    /// Lets the calling worker work for a while.
    public void spend(double seconds) {
        Turn turn = Objects.requireNonNull(turn());
        synchronized (this) {
            spent += seconds;
            makeReady(turn, now + seconds);
        }
        giveWay(turn);
    }

    /// Lets one thread work while no worker is.
    public synchronized void spendAlone(double seconds) {
        spent += seconds;
        now += seconds;
        alone += seconds;
    }

    @Override
    public void begins(int worker) {
        Turn turn = new Turn(worker);
        turns.put(Thread.currentThread(), turn);
        synchronized (this) {
            arrived.add(turn);
            startOnceComplete();
        }
        awaitTurn(turn);
    }

    @Override
    public synchronized void onlyBegin(int count) {
        beginning = count;
        startOnceComplete();
    }

    private void startOnceComplete() {
        if (arrived.size() < beginning) {
            return;
        }
        arrived.sort(Comparator.comparingInt(turn -> turn.worker));
        arrived.forEach(turn -> makeReady(turn, now));
        active = arrived.size();
        arrived.clear();
        beginning = workers;
        if (active > 0) {
            next();
        }
    }

    @Override
    public synchronized void ends() {
        turns.remove(Thread.currentThread());
        active--;
        if (active > 0) {
            next();
        }
    }

    @Override
    public void enter() {
        Turn turn = turn();
        long since = turn == null ? aloneSince : turn.since;
        double seconds = SECONDS * (clock.getAsLong() - since);
        if (turn == null) {
            spendAlone(seconds);
            aloneSince = clock.getAsLong();
        } else if (seconds > 0) {
            spend(seconds);
        }
        // Nothing to lock: only one worker runs at a time.
    }

    @Override
    public void leave() {
        // As above.
    }

    @Override
    public void await() {
        Turn turn = Objects.requireNonNull(turn());
        synchronized (this) {
            waiting.add(turn);
        }
        giveWay(turn);
    }

    @Override
    public synchronized void wakeAll() {
        waiting.forEach(turn -> makeReady(turn, now));
        waiting.clear();
    }

    /// Returns nothing for the thread that the workers work for.
    private @Nullable Turn turn() {
        return turns.get(Thread.currentThread());
    }

    private void makeReady(Turn turn, double at) {
        turn.at = at;
        turn.order = orders++;
        ready.add(turn);
    }

    private void giveWay(Turn turn) {
        next();
        awaitTurn(turn);
    }

    private void awaitTurn(Turn turn) {
        turn.mine.acquireUninterruptibly();
        turn.since = clock.getAsLong();
    }

    private synchronized void next() {
        Turn turn = ready.poll();
        if (turn == null) {
            throw new IllegalStateException("every worker waits for another one");
        }
        now = turn.at;
        turn.mine.release();
    }
}
