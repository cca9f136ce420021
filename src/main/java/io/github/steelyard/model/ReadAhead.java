package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.WeightTensors;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Profile;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Touches the weights of the next modules on a thread of its own, so that reading overlaps with arithmetic. It stays a
/// bounded number of bytes ahead of the workers, since what is read too early may be gone again from the system's cache
/// before it is used. Without it everything works, only slower.
final class ReadAhead implements AutoCloseable {

    /// Bytes of weights that are read before they are asked for.
    static final long WINDOW = 128L << 20;

    // Between two of these the thread looks whether it is still wanted.
    private static final long STEP = 4L << 20;

    private final Checkpoint checkpoint;
    private final List<Linear> order;
    private final Map<String, Integer> places = new HashMap<>(); // by module
    private final long window; // bytes
    private final Profile profile;
    private final int lane;
    private final Thread thread = new Thread(this::run, "steelyard-reader");
    private int reached; // place in `order` of the last module that was asked for
    private boolean closed;

    /// Begins to read.
    ///
    /// @param order the layers in the order in which they will be asked for
    /// @param window bytes that may be read before they are asked for; a tensor that is begun is read whole
    /// @param lane where the profile shows this thread
    ReadAhead(Checkpoint checkpoint, List<Linear> order, long window, Profile profile, int lane) {
        this.checkpoint = checkpoint;
        this.order = List.copyOf(order);
        this.window = window;
        this.profile = profile;
        this.lane = lane;
        for (int place = 0; place < order.size(); place++) {
            places.put(order.get(place).info().name(), place);
        }
        thread.setDaemon(true);
        thread.start();
    }

    /// Hears that `module` is being read by a worker.
    synchronized void reached(ModuleInfo module) {
        Integer place = places.get(module.name());
        if (place != null && place > reached) {
            reached = place;
            notifyAll();
        }
    }

    private void run() {
        List<Long> sizes = new ArrayList<>(); // bytes read for each place so far
        Set<String> seen = new HashSet<>();
        try {
            for (int place = 0; place < order.size(); place++) {
                sizes.add(awaitTurn(place, sizes) ? read(order.get(place), seen) : 0);
            }
        } catch (RuntimeException | InternalError e) {
            // A file that cannot be read or written: the worker that needs it says so.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// Waits until what was read and not yet asked for is less than the window. Returns whether the module is still to
    /// come: experts without tokens are passed over.
    private synchronized boolean awaitTurn(int place, List<Long> sizes) throws InterruptedException {
        while (!closed && ahead(place, sizes) >= window) {
            wait();
        }
        requireWanted();
        return place >= reached;
    }

    private long ahead(int place, List<Long> sizes) {
        long bytes = 0;
        for (int i = place - 1; i > reached && bytes < window; i--) {
            bytes += sizes.get(i);
        }
        return bytes;
    }

    /// Touches the tensors of a layer that were not `seen` yet and returns their bytes.
    private long read(Linear linear, Set<String> seen) throws InterruptedException {
        long bytes = 0;
        for (TensorInfo tensor : tensors(linear)) {
            if (seen.add(tensor.name())) {
                touch(checkpoint.bytes(tensor));
                bytes += tensor.byteSize();
            }
        }
        return bytes;
    }

    private void touch(MemorySegment bytes) throws InterruptedException {
        for (long from = 0; from < bytes.byteSize(); from += STEP) {
            long count = Math.min(STEP, bytes.byteSize() - from);
            long start = profile.now();
            bytes.asSlice(from, count).load();
            profile.add(Phase.READ, lane, start, 0, (double) count);
            synchronized (this) {
                requireWanted();
            }
        }
    }

    private void requireWanted() throws InterruptedException {
        if (closed) {
            throw new InterruptedException("nobody reads any more");
        }
    }

    private List<TensorInfo> tensors(Linear linear) {
        List<String> fused = linear.source().fusedTensors();
        if (!fused.isEmpty()) {
            return fused.stream().map(checkpoint::tensor).toList();
        }
        WeightTensors own = WeightTensors.detect(checkpoint, linear.info().name());
        List<TensorInfo> tensors = new ArrayList<>(List.of(own.weight()));
        own.scale().ifPresent(tensors::add);
        return tensors;
    }

    /// Ends the thread; after this it touches no mapped file.
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
