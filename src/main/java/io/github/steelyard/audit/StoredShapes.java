package io.github.steelyard.audit;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.weights.WeightTensors.Kind;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;

/// Modules that the model does not have: each against what its own tensors tell.
record StoredShapes() implements Check {

    private static final int CODES_IN_A_BYTE = 2;

    @Override
    public void run(Subject subject, Findings findings) {
        Checkpoint checkpoint = subject.checkpoint();
        ModuleCheck shapes =
                new ModuleCheck(findings, new ShapeHint(checkpoint.config().textModel()), checkpoint.quantization());
        Weights weights = new Weights(checkpoint);
        boolean model = subject.decoder().isPresent();
        for (StoredModule module : subject.stored().all()) {
            if (!model || !subject.parts().reads(module.name())) {
                shapes.check(module, !model);
                boolean whole = module.isMatrix()
                        && module.kind().filter(kind -> kind != Kind.INT_PACKED).isPresent();
                if (whole && subject.isReadable(module)) {
                    Findings told = findings.of(!model);
                    open(module.name(), () -> read(module, weights), checkpoint.directory(), told);
                }
            }
        }
    }

    /// Returns the weight of a complete matrix whose extents only its own tensors tell.
    static StoredWeight read(StoredModule module, Weights weights) {
        TensorInfo weight = module.weight().orElseThrow();
        boolean packed = switch (module.kind().orElseThrow()) {
            case NVFP4, NVFP4_PACKED, MXFP4 -> true;
            case PLAIN, FP8_TENSOR, FP8_CHANNEL, FP8_BLOCK, MXFP8, INT_PACKED -> false;
        };
        return weights.linear(
                module.name(),
                Math.toIntExact(weight.shape().dim(0)),
                Math.multiplyExact(Math.toIntExact(weight.shape().dim(1)), packed ? CODES_IN_A_BYTE : 1));
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
