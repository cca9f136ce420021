package io.github.steelyard.audit;

import io.github.steelyard.census.LaneScan;
import io.github.steelyard.census.ScaleScan;
import io.github.steelyard.census.ScanResult;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.weights.MxScales;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;

/// Looks at every value of a checkpoint. Works on the mapped bytes,
/// piece by piece and on several threads, and holds nothing but the results.
final class ValueScan {

    private static final long PIECE = 1L << 25; // bytes; a multiple of every element size
    private static final int AHEAD = 256; // pieces that are queued at once

    private final Checkpoint checkpoint;
    private final StoredModules stored;
    private final Predicate<TensorInfo> readable;
    private final Findings findings;
    private final Map<TensorInfo, ScanResult> found = new LinkedHashMap<>();

    /// @param readable tells whether the bytes of a tensor are there
    /// @param findings told what cannot be read
    ValueScan(Checkpoint checkpoint, StoredModules stored, Predicate<TensorInfo> readable, Findings findings) {
        this.checkpoint = checkpoint;
        this.stored = stored;
        this.readable = readable;
        this.findings = findings;
    }

    /// One piece of work and what it belongs to.
    private record Pending(TensorInfo tensor, long offset, Future<ScanResult> result) {}

    /// Scans all readable tensors and returns what was found, in their order.
    Map<TensorInfo, ScanResult> run(int threads) {
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        List<Pending> pending = new ArrayList<>();
        try {
            for (TensorInfo tensor : checkpoint.tensors().values()) {
                if (readable.test(tensor)) {
                    submit(workers, tensor, pending);
                }
                if (pending.size() >= AHEAD) {
                    pending = settle(pending, AHEAD / 2);
                }
            }
            settle(pending, 0);
            return found;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CheckpointException(checkpoint.directory(), "interrupted while its values were read", e);
        } finally {
            workers.shutdownNow();
        }
    }

    private void submit(ExecutorService workers, TensorInfo tensor, List<Pending> pending) {
        Optional<Part> part = stored.partOf(tensor.name());
        boolean scale =
                part.isPresent() && !part.get().isWeight() && !part.get().isInteger();
        if (scale) {
            pending.add(new Pending(tensor, 0, workers.submit(() -> scales(tensor))));
            return;
        }
        Optional<LaneScan> scan = LaneScan.of(tensor.dtype());
        if (scan.isEmpty()) {
            return;
        }
        LaneScan lanes = scan.get();
        for (long from = 0; from < tensor.byteSize(); from += PIECE) {
            long begin = from;
            long size = Math.min(PIECE, tensor.byteSize() - from);
            pending.add(new Pending(tensor, begin / lanes.elementBytes(), workers.submit(() -> {
                var bytes = checkpoint.bytes(tensor).asSlice(begin, size);
                return new ScanResult.Plain(lanes.scan(bytes));
            })));
        }
    }

    private ScanResult scales(TensorInfo tensor) {
        Optional<StoredModule> module = stored.moduleOf(tensor.name());
        Optional<TensorInfo> codes = module.flatMap(StoredModule::weight);
        return switch (tensor.dtype()) {
            case F8_E4M3 -> ScaleScan.blockScales(checkpoint.bytes(tensor), codes.map(checkpoint::bytes));
            case F32, BF16, F16 -> ScaleScan.real(checkpoint.bytes(tensor), tensor.dtype());
            case U8, F8_E8M0 -> {
                boolean fp4 = module.filter(found -> found.is(Coding.MXFP4)).isPresent();
                int limit = MxScales.largestCode(fp4 ? E2m1.MAX : E4m3.MAX);
                yield ScaleScan.powers(checkpoint.bytes(tensor), limit);
            }
            case BOOL, F4, F6_E2M3, F6_E3M2, I8, F8_E5M2, I16, U16, I32, U32, C64, F64, I64, U64 ->
                new ScanResult.Plain(LaneScan.Result.NONE);
        };
    }

    /// Takes the results of whole tensors in their order, until at most `most` pieces are left, and returns the rest.
    private List<Pending> settle(List<Pending> pending, int most) throws InterruptedException {
        int next = 0;
        while (pending.size() - next > most) {
            TensorInfo tensor = pending.get(next).tensor();
            LaneScan.Result plain = LaneScan.Result.NONE;
            for (; next < pending.size() && pending.get(next).tensor().equals(tensor); next++) {
                Pending piece = pending.get(next);
                ScanResult result = await(piece);
                switch (result) {
                    case ScanResult.Plain part -> plain = plain.then(part.notFinite(), piece.offset());
                    case ScanResult.Scales scales -> found.put(tensor, scales);
                }
            }
            found.putIfAbsent(tensor, new ScanResult.Plain(plain));
        }
        return new ArrayList<>(pending.subList(next, pending.size()));
    }

    // A mapped file that shrinks while it is read ends the access with an InternalError.
    private ScanResult await(Pending piece) throws InterruptedException {
        try {
            return piece.result().get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CheckpointException problem) {
                findings.add(FindingCode.UNREADABLE, piece.tensor().name(), problem);
            } else if (e.getCause() instanceof InternalError) {
                findings.tensor(
                        FindingCode.UNREADABLE,
                        piece.tensor().file(),
                        piece.tensor().name(),
                        "the file changed while it was read, or cannot be read here");
            } else {
                throw new IllegalStateException(
                        "the scan of tensor '%s' failed"
                                .formatted(piece.tensor().name()),
                        e.getCause());
            }
            return new ScanResult.Plain(LaneScan.Result.NONE);
        }
    }
}
