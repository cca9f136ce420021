package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.WeightTensors;
import java.nio.file.Path;

/// Modules that the model does not have: each against what its own tensors tell.
record StoredShapes() implements Check {

    private static final long CODES_IN_A_BYTE = 2;
    private static final long CODES_IN_A_WORD = 8; // of four bits

    @Override
    public void run(Subject subject, Findings findings) {
        Checkpoint checkpoint = subject.checkpoint();
        ModuleCheck shapes =
                new ModuleCheck(findings, new ShapeHint(checkpoint.config().textModel()), checkpoint.quantization());
        CheckpointWeights weights = new CheckpointWeights(checkpoint);
        boolean model = subject.decoder().isPresent();
        for (StoredModule module : subject.stored().all()) {
            if (!model || !subject.parts().reads(module.name())) {
                shapes.check(module, !model);
                if (module.isMatrix() && module.format().isPresent() && subject.isReadable(module)) {
                    open(module.name(), () -> read(module, weights), checkpoint.directory(), findings.of(!model));
                }
            }
        }
    }

    /// Returns the weight of a complete matrix whose extents only its own tensors tell.
    static StoredWeight read(StoredModule module, CheckpointWeights weights) {
        Shape stored = module.weight().orElseThrow().shape();
        Format format = module.format().orElseThrow();
        boolean inPairs = (format == Format.INT4 || format == Format.INT4_FP8)
                && module.weight().orElseThrow().dtype() != DType.I32;
        long columns = switch (format) {
            case NVFP4, NVFP4_32, MXFP4 -> CODES_IN_A_BYTE * stored.dim(1);
            case INT4, INT4_FP8, INT8_GROUPS ->
                inPairs
                        ? stored.dim(1)
                        : WeightTensors.unpackedColumns(weights.checkpoint(), module.name())
                                .orElse(CODES_IN_A_WORD * stored.dim(1));
            case PLAIN,
                    FP8,
                    FP8_PER_CHANNEL,
                    FP8_BLOCK,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    MXFP8,
                    INT8,
                    INT8_PER_CHANNEL,
                    INT8_DYNAMIC_TOKEN -> stored.dim(1);
        };
        long rows = inPairs ? module.scale().orElseThrow().shape().dim(0) : stored.dim(0);
        return weights.linear(module.name(), Math.toIntExact(rows), Math.toIntExact(columns));
    }

    /// Adds what the loader says of a weight, if it refuses it.
    static void open(String module, Runnable loader, Path directory, Findings findings) {
        try {
            loader.run();
        } catch (CheckpointException e) {
            findings.add(FindingCode.UNREADABLE, module, e);
        } catch (IllegalArgumentException | ArithmeticException e) {
            findings.add(
                    FindingCode.UNREADABLE,
                    directory,
                    module,
                    "module %s: %s".formatted(Printable.quoted(module), Printable.of(String.valueOf(e.getMessage()))));
        }
    }
}
