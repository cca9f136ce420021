package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.Fp8Blocks;
import io.github.steelyard.weights.MxScales;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Checks that a module's weight has all its scales, and that their types and shapes fit.
///
/// @param findings where problems go
/// @param hint names the config keys behind a wanted shape
/// @param config tells the size of FP8 blocks, and how FP8 scales are called
record ModuleCheck(Findings findings, ShapeHint hint, QuantizationConfig config) {

    private static final Set<DType> REAL = Set.of(DType.F32, DType.BF16, DType.F16);
    private static final int NVFP4_BLOCK = 16;
    private static final int MX_BLOCK = 32;

    /// What is wrong with one tensor.
    private record Problem(FindingCode code, String tensor, TensorInfo near, String text) {}

    /// Checks a module of the model; problems are errors.
    ///
    /// @param rows output features
    /// @param columns input features
    /// @return whether it is sound
    boolean check(StoredModule module, long rows, long columns) {
        List<Problem> problems = new ArrayList<>();
        new Checking(module, rows, columns, problems).run();
        for (Problem problem : problems) {
            findings.tensor(problem.code(), problem.near().file(), problem.tensor(), problem.text());
        }
        return problems.isEmpty();
    }

    /// Checks a module about which only its own tensors tell.
    ///
    /// @param used whether the model reads it
    void check(StoredModule module, boolean used) {
        List<Problem> problems = new ArrayList<>();
        module.weight().ifPresent(weight -> inferred(module, weight, problems));
        for (Problem problem : problems) {
            findings.tensor(problem.code(), problem.near().file(), problem.tensor(), used, problem.text());
        }
    }

    private void inferred(StoredModule module, TensorInfo weight, List<Problem> problems) {
        Shape shape = weight.shape();
        boolean quantised = !module.is(Coding.PLAIN);
        if (!quantised || shape.rank() != 2) {
            if (quantised && shape.rank() < 2) {
                problems.add(new Problem(
                        FindingCode.SHAPE,
                        weight.name(),
                        weight,
                        "wanted a matrix, found %s".formatted(weight.typeText())));
            }
            return;
        }
        boolean packed = weight.dtype() == DType.U8 || weight.dtype() == DType.I8;
        new Checking(module, shape.dim(0), packed ? shape.dim(1) * 2 : shape.dim(1), problems).run();
    }

    /// One module against one shape.
    private final class Checking {

        private final StoredModule module;
        private final long rows;
        private final long columns;
        private final List<Problem> problems;

        Checking(StoredModule module, long rows, long columns, List<Problem> problems) {
            this.module = module;
            this.rows = rows;
            this.columns = columns;
            this.problems = problems;
        }

        void run() {
            TensorInfo weight = module.weight().orElseThrow();
            if (module.coding().isEmpty()) {
                unknown(weight);
            } else {
                codes(weight, module.coding().get());
            }
            module.inputScale().ifPresent(this::single);
        }

        private void codes(TensorInfo weight, Coding coding) {
            switch (coding) {
                case PLAIN -> shape(weight, weight.shape(), rows, columns);
                case FP8 -> fp8(weight);
                case NVFP4 -> nvfp4(weight);
                case MXFP4 -> blocks(weight, columns / 2, MX_BLOCK);
                case MXFP8 -> blocks(weight, columns, MX_BLOCK);
                case INTEGERS -> integers(weight);
            }
        }

        private void fp8(TensorInfo weight) {
            shape(weight, weight.shape(), rows, columns);
            if (module.scale().isEmpty()) {
                boolean inBlocks = config.method() == QuantizationConfig.Method.FP8;
                missing(weight, inBlocks ? Part.WEIGHT_SCALE_INV : Part.WEIGHT_SCALE, "the scale of FP8 codes");
                return;
            }
            TensorInfo scale = module.scale().get();
            if (!MxScales.arePowers(scale)) {
                real(scale);
            }
            Fp8Blocks blocks = Fp8Blocks.of(config, module.name());
            long blockRows = Math.ceilDiv(rows, (long) blocks.rows());
            long blockColumns = Math.ceilDiv(columns, (long) blocks.columns());
            List<Shape> allowed = scale.name().endsWith("_inv")
                    ? List.of(Shape.of(blockRows, blockColumns), Shape.of(), Shape.of(1), Shape.of(rows, 1))
                    : List.of(
                            Shape.of(),
                            Shape.of(1),
                            Shape.of(1, 1),
                            Shape.of(rows),
                            Shape.of(rows, 1),
                            Shape.of(blockRows, blockColumns),
                            Shape.of(blockRows, 1, blockColumns, 1));
            if (!allowed.contains(scale.shape())) {
                add(
                        FindingCode.SCALE_SHAPE,
                        scale,
                        "wanted one of the shapes %s, found %s".formatted(allowed, scale.shape()));
            }
        }

        // The loader checks the rest: extents, groups, zero points.
        private void integers(TensorInfo weight) {
            if (module.scale().isEmpty()) {
                missing(weight, Part.WEIGHT_SCALE, "the scales of packed integers");
            } else {
                real(module.scale().get());
            }
        }

        private void nvfp4(TensorInfo weight) {
            blocks(weight, columns / 2, nvfp4Block());
            Part global = module.has(Part.WEIGHT_PACKED) ? Part.WEIGHT_GLOBAL_SCALE : Part.WEIGHT_SCALE_2;
            module.globalScale().ifPresentOrElse(this::single, () -> missing(weight, global, "F32 []"));
        }

        private int nvfp4Block() {
            return module.format().equals(Optional.of(Format.NVFP4_32)) ? Format.NVFP4_32.block() : NVFP4_BLOCK;
        }

        private void blocks(TensorInfo weight, long codeColumns, int block) {
            boolean fits = shape(weight, weight.shape(), rows, codeColumns);
            if (columns % block != 0) {
                add(
                        FindingCode.SHAPE,
                        weight,
                        String.format(
                                Locale.ROOT,
                                "wanted input features divisible by %d, found %d in %s",
                                block,
                                columns,
                                weight.typeText()));
                return;
            }
            DType code = module.is(Coding.NVFP4) ? DType.F8_E4M3 : DType.U8;
            Shape wanted = Shape.of(rows, columns / block);
            if (module.scale().isEmpty()) {
                missing(weight, Part.WEIGHT_SCALE, "%s %s".formatted(code, wanted));
                return;
            }
            TensorInfo scale = module.scale().get();
            boolean type = scale.dtype() == code || (code == DType.U8 && scale.dtype() == DType.F8_E8M0);
            if (!type) {
                add(FindingCode.SCALE_DTYPE, scale, "wanted %s %s, found %s".formatted(code, wanted, scale.typeText()));
            } else if (fits && !scale.shape().equals(wanted)) {
                add(FindingCode.SCALE_SHAPE, scale, "wanted %s %s, found %s".formatted(code, wanted, scale.typeText()));
            }
        }

        private void unknown(TensorInfo weight) {
            if (weight.dtype() == DType.U8 || weight.dtype() == DType.I8) {
                missing(weight, Part.WEIGHT_SCALE, "the block scales of packed codes");
                if (!module.has(Part.WEIGHT_PACKED)) {
                    missing(weight, Part.WEIGHT_SCALE_2, "F32 []");
                }
            } else {
                add(
                        FindingCode.DTYPE,
                        weight,
                        "wanted a weight that can be read, found %s".formatted(weight.typeText()));
            }
        }

        private boolean shape(TensorInfo tensor, Shape found, long wantedRows, long wantedColumns) {
            Shape wanted = Shape.of(wantedRows, wantedColumns);
            if (found.equals(wanted)) {
                return true;
            }
            add(
                    FindingCode.SHAPE,
                    tensor,
                    "wanted %s, found %s".formatted(described(wanted, found), tensor.typeText()));
            return false;
        }

        // Packed columns are half of what the config says; the hint is about the config.
        private String described(Shape wanted, Shape found) {
            boolean packed = wanted.dim(1) != columns;
            if (!packed || found.rank() != 2) {
                return hint.describe(wanted, found);
            }
            Shape logical = Shape.of(rows, columns);
            return "%s, two codes in a byte for %s"
                    .formatted(wanted, hint.describe(logical, Shape.of(found.dim(0), found.dim(1) * 2)));
        }

        private void single(TensorInfo scale) {
            real(scale);
            if (scale.shape().elements() != 1) {
                add(FindingCode.SCALE_SHAPE, scale, "wanted one value, found %s".formatted(scale.typeText()));
            }
        }

        private void real(TensorInfo scale) {
            if (!REAL.contains(scale.dtype())) {
                add(FindingCode.SCALE_DTYPE, scale, "wanted F32, BF16 or F16, found %s".formatted(scale.typeText()));
            }
        }

        private void missing(TensorInfo near, Part part, String wanted) {
            problems.add(new Problem(
                    FindingCode.SCALE_MISSING,
                    part.in(module.name()),
                    near,
                    "wanted %s, found nothing".formatted(wanted)));
        }

        private void add(FindingCode code, TensorInfo tensor, String text) {
            problems.add(new Problem(code, tensor.name(), tensor, text));
        }
    }
}
