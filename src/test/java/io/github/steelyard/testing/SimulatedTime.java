package io.github.steelyard.testing;

import io.github.steelyard.work.Monitor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/// Time that passes only where a worker says so: any number of workers run the real schedules, one at a time, in the
/// order of their simulated clocks. The result depends on nothing else than the times that are spent.
public final class SimulatedTime implements Monitor {

    private static final class Turn {

        private final int worker;
        private final Semaphore mine = new Semaphore(0);
        private double at;
        private long order;

        Turn(int worker) {
            this.worker = worker;
        }
    }

    private final int workers;
    private final Map<Thread, Turn> turns = new ConcurrentHashMap<>();
    private final PriorityQueue<Turn> ready = new PriorityQueue<>(
            Comparator.<Turn>comparingDouble(turn -> turn.at).thenComparingLong(turn -> turn.order));
    private final List<Turn> waiting = new ArrayList<>();
    private final List<Turn> arrived = new ArrayList<>();
    private int active;
    private long orders;
    private double now; // seconds
    private double spent; // seconds, of all workers

    public SimulatedTime(int workers) {
        this.workers = workers;
    }

    /// Returns the seconds that have passed.
    public double now() {
        return now;
    }

    /// Returns the seconds that all workers together have worked.
    public double spent() {
        return spent;
    }

    /// Lets the calling worker work for a while.
    public void spend(double seconds) {
        Turn turn = turn();
        spent += seconds;
        makeReady(turn, now + seconds);
        giveWay(turn);
    }

    /// Lets one thread work while no worker is.
    public void spendAlone(double seconds) {
        spent += seconds;
        now += seconds;
    }

    @Override
    public void begins(int worker) {
        Turn turn = new Turn(worker);
        turns.put(Thread.currentThread(), turn);
        synchronized (arrived) {
            arrived.add(turn);
            if (arrived.size() == workers) {
                arrived.sort(Comparator.comparingInt(other -> other.worker));
                arrived.forEach(other -> makeReady(other, now));
                arrived.clear();
                active = workers;
                next();
            }
        }
        turn.mine.acquireUninterruptibly();
    }

    @Override
    public void ends() {
        active--;
        if (active > 0) {
            next();
        }
    }

    @Override
    public void enter() {
        // Only one worker runs at a time.
    }

    @Override
    public void leave() {
        // As above.
    }

    @Override
    public void await() {
        Turn turn = turn();
        waiting.add(turn);
        giveWay(turn);
    }

    @Override
    public void wakeAll() {
        waiting.forEach(turn -> makeReady(turn, now));
        waiting.clear();
    }

    private Turn turn() {
        return Objects.requireNonNull(turns.get(Thread.currentThread()));
    }

    private void makeReady(Turn turn, double at) {
        turn.at = at;
        turn.order = orders++;
        ready.add(turn);
    }

    private void giveWay(Turn turn) {
        next();
        turn.mine.acquireUninterruptibly();
    }

    private void next() {
        Turn turn = ready.poll();
        if (turn == null) {
            throw new IllegalStateException("every worker waits for another one");
        }
        now = turn.at;
        turn.mine.release();
    }
}
