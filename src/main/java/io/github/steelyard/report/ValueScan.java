package io.github.steelyard.report;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.report.StoredModule.Part;
import io.github.steelyard.weights.MxScales;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;

/// Looks at every value of a checkpoint: weights must be finite, scales finite and positive. Works on the mapped bytes,
/// piece by piece and on several threads, and holds nothing but the results.
final class ValueScan {

    private static final long PIECE = 1L << 25; // bytes; a multiple of every element size
    private static final int AHEAD = 256; // pieces that are queued at once

    private final Checkpoint checkpoint;
    private final StoredModules stored;
    private final FindingList findings;
    private final Predicate<String> reads;
    private final Map<String, Float> singles = new HashMap<>();

    /// @param reads tells whether the model reads a tensor; what is wrong with others is a warning
    ValueScan(Checkpoint checkpoint, StoredModules stored, FindingList findings, Predicate<String> reads) {
        this.checkpoint = checkpoint;
        this.stored = stored;
        this.findings = findings;
        this.reads = reads;
    }

    /// One piece of work and what it belongs to.
    private record Pending(TensorInfo tensor, long offset, Future<ScanResult> result) {}

    /// Scans all tensors.
    void run(int threads) {
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        List<Pending> pending = new ArrayList<>();
        try {
            for (TensorInfo tensor : checkpoint.tensors().values()) {
                submit(workers, tensor, pending);
                if (pending.size() >= AHEAD) {
                    pending = settle(pending, AHEAD / 2);
                }
            }
            settle(pending, 0);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CheckpointException(checkpoint.directory(), "interrupted while its values were read", e);
        } finally {
            workers.shutdownNow();
        }
    }

    /// Returns the value of a scale that holds a single one, once [#run] has seen it.
    Optional<Float> single(String tensor) {
        return Optional.ofNullable(singles.get(tensor));
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
                boolean fp4 = module.map(StoredModule::stored)
                        .filter(format -> format == StoredModule.Stored.MXFP4)
                        .isPresent();
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
                if (result instanceof ScanResult.Plain part) {
                    plain = plain.then(part.notFinite(), piece.offset());
                } else if (result instanceof ScanResult.Scales scales) {
                    reportScales(tensor, scales);
                }
            }
            if (plain.count() > 0) {
                report(
                        tensor,
                        "not-finite",
                        String.format(
                                Locale.ROOT,
                                "wanted finite values, found %d of %d that are not, the first at index %d",
                                plain.count(),
                                tensor.shape().elements(),
                                plain.first()));
            }
        }
        return new ArrayList<>(pending.subList(next, pending.size()));
    }

    // A mapped file that shrinks while it is read ends the access with an InternalError.
    private ScanResult await(Pending piece) throws InterruptedException {
        try {
            return piece.result().get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CheckpointException problem) {
                findings.error("unreadable", piece.tensor().name(), problem);
            } else if (e.getCause() instanceof InternalError) {
                report(piece.tensor(), "unreadable", "the file changed while it was read, or cannot be read here");
            } else {
                throw new IllegalStateException(
                        "the scan of tensor '%s' failed"
                                .formatted(piece.tensor().name()),
                        e.getCause());
            }
            return new ScanResult.Plain(LaneScan.Result.NONE);
        }
    }

    private void reportScales(TensorInfo tensor, ScanResult.Scales scales) {
        scales.single().ifPresent(value -> singles.put(tensor.name(), value));
        if (scales.bad() > 0) {
            report(
                    tensor,
                    "scale-value",
                    String.format(
                            Locale.ROOT,
                            "wanted finite and positive scales, found %s at index %d, %d of %d are not",
                            scales.example(),
                            scales.first(),
                            scales.bad(),
                            tensor.shape().elements()));
            return;
        }
        if (overflows(tensor, scales)) {
            report(
                    tensor,
                    "scale-value",
                    "wanted a scale whose amax is finite, found %s"
                            .formatted(scales.single().orElseThrow()));
            return;
        }
        if (scales.implausible() > 0) {
            findings.warnOf(
                    "scale-implausible",
                    "scales",
                    "scales so small or large that arithmetic with them overflows",
                    tensor.name());
        }
        if (scales.zeroBlocks() > 0) {
            findings.warnOf(
                    "scale-zero-block",
                    "scales",
                    "block scales of zero over codes that are not zero, whole blocks become 0",
                    tensor.name());
        }
        boolean input = stored.partOf(tensor.name())
                .filter(part -> part == Part.INPUT_SCALE || part == Part.INPUT_GLOBAL_SCALE)
                .isPresent();
        if (input && scales.single().filter(value -> value == 1).isPresent()) {
            String module =
                    stored.moduleOf(tensor.name()).map(StoredModule::name).orElse(tensor.name());
            String projection = module.substring(module.lastIndexOf('.') + 1);
            findings.warnOf(
                    "input-scale-one",
                    projection,
                    "input scales of %s that are exactly 1.0, as those of uncalibrated sites are"
                            .formatted(Printable.quoted(projection)),
                    tensor.name());
        }
    }

    /// Returns whether an input's amax, scale times the codes' range, is beyond float32.
    private boolean overflows(TensorInfo tensor, ScanResult.Scales scales) {
        Optional<Part> part = stored.partOf(tensor.name());
        boolean nvfp4 = stored.moduleOf(tensor.name())
                .filter(module -> module.stored() == StoredModule.Stored.NVFP4)
                .isPresent();
        float range = nvfp4 ? Nvfp4.RANGE : E4m3.MAX;
        return scales.single().isPresent()
                && part.isPresent()
                && switch (part.get()) {
                    case INPUT_SCALE, K_SCALE, V_SCALE, OTHER_SCALE ->
                        Float.isInfinite(scales.single().get() * range);
                    case INPUT_GLOBAL_SCALE, WEIGHT_GLOBAL_SCALE ->
                        Float.isInfinite(range / scales.single().get());
                    case WEIGHT_SCALE, WEIGHT_SCALE_2, WEIGHT_SCALE_INV, SCALES ->
                        false; // an amax within range may have led to them
                    case WEIGHT, WEIGHT_PACKED, BLOCKS, WEIGHT_ZERO_POINT, WEIGHT_SHAPE -> false;
                };
    }

    private void report(TensorInfo tensor, String code, String problem) {
        if (reads.test(tensor.name())) {
            findings.tensorError(code, tensor.file(), tensor.name(), problem);
        } else {
            findings.warning(
                    code,
                    tensor.file(),
                    tensor.name(),
                    "tensor %s, which the model does not read: %s".formatted(Printable.quoted(tensor.name()), problem));
        }
    }
}
