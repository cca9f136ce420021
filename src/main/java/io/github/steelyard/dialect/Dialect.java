package io.github.steelyard.dialect;

import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.Optional;

/// A way of storing quantised weights: which tensors there are, what they are called, and which convention their scales
/// follow. `name` is a linear module (`model.layers.0.mlp.gate_proj`) in [InModules#module], and in [InStacks#stack]
/// the tensor that holds the matrices of all experts of a layer (`model.layers.0.mlp.experts.down_proj`).
///
/// | dialect | codes | scale | second level | input |
/// |---|---|---|---|---|
/// | [ModelOpt] | `.weight` | `.weight_scale` | `.weight_scale_2` | `.input_scale` |
/// | [CompressedTensors] | `.weight_packed` | `.weight_scale` | `.weight_global_scale` | `.input_global_scale` |
/// | [HuggingFaceFp8] | `.weight` | `.weight_scale_inv` or `.scale` | – | `.activation_scale` |
/// | [GptOss], stacks only | `_blocks` | `_scales` | – | – |
///
/// The global scales of compressed-tensors are reciprocals; `.weight_scale_inv` is a multiplier in spite of its name,
/// and `.scale` is its name in DeepSeek's own code. FP8 and integers of one byte of compressed-tensors lie under
/// ModelOpt's names. A stack has the same words after `_` instead of `.weight` and `.`; its plain values have no
/// suffix.
public sealed interface Dialect permits Dialect.InModules, Dialect.InStacks {

    /// NVIDIA ModelOpt, and the names that FP8 checkpoints of all kinds share with it.
    ModelOpt MODELOPT = new ModelOpt();

    /// Packed codes of compressed-tensors: NVFP4, MXFP4 and integers.
    CompressedTensors COMPRESSED_TENSORS = new CompressedTensors();

    /// FP8 as DeepSeek publishes it and transformers writes it.
    HuggingFaceFp8 HUGGING_FACE_FP8 = new HuggingFaceFp8();

    /// MXFP4 experts as OpenAI publishes them.
    GptOss GPT_OSS = new GptOss();

    /// The dialects that store linear modules one by one.
    List<InModules> OF_MODULES = List.of(COMPRESSED_TENSORS, HUGGING_FACE_FP8, MODELOPT);

    /// The dialects that store the matrices of all experts of a layer in one tensor.
    List<InStacks> OF_STACKS = List.of(GPT_OSS, MODELOPT, HUGGING_FACE_FP8);

    /// A dialect that stores linear modules one by one.
    sealed interface InModules extends Dialect permits Written, HuggingFaceFp8 {

        /// Returns the names of a linear module's tensors.
        TensorNames module(String name);
    }

    /// A dialect that exports are written in.
    sealed interface Written extends InModules permits ModelOpt, CompressedTensors {

        /// Returns what people call it.
        String title();

        /// Returns the names of a linear module's tensors where its weight is in `format`.
        TensorNames module(String name, Format format);

        /// Returns the dtype of the codes of a weight.
        default DType codeType(Format format) {
            return format.codeType();
        }

        /// Returns the shape of the codes of a weight `(rows, columns)`.
        default Shape codeShape(Format format, int rows, int columns) {
            return format.codeShape(rows, columns);
        }

        /// Returns the dtype of the scales of a weight, of the blocks' where there are two levels.
        DType scaleType(Format format);

        /// Returns the shape of the scales of a weight `(rows, columns)`, of the blocks' where there are two levels.
        ///
        /// @param block elements of a row that share a scale, where the format leaves it open
        Shape scaleShape(Format format, int block, int rows, int columns);

        /// Returns whether the extents of a weight lie beside its codes, under [Part#WEIGHT_SHAPE].
        boolean hasExtents(Format format);

        /// Returns the shape of a single scale.
        Shape singleShape();

        /// Returns whose order of roundings encodes weights.
        Arithmetic arithmetic();

        /// Returns whether its config can say this of a module.
        boolean has(QuantAlgo algo);

        /// Returns whether its config can say this of the key and value cache.
        boolean hasCache(String format);

        /// Returns whether its config can say that a cache has a scale for each head.
        boolean hasCachePerHead();

        /// Returns whether the experts of some families are written in one tensor for each projection. Where they are
        /// not, servers look for them one by one.
        boolean hasStacks();

        /// Returns the name of the scale of a cache.
        ///
        /// @param key whether of keys
        String cacheScale(String attention, boolean key);

        /// Returns the scale of a weight or an input with this amax, which is 0 for zeros alone.
        default TensorScale tensorScale(Format format, float amax) {
            return new TensorScale(
                    arithmetic().tensorScale(format, amax), arithmetic().isReciprocal(format));
        }
    }

    /// A dialect that stores the matrices of all experts of a layer in one tensor.
    sealed interface InStacks extends Dialect permits ModelOpt, HuggingFaceFp8, GptOss {

        /// Returns the names of a stack's tensors.
        TensorNames stack(String name);
    }

    /// See [#MODELOPT].
    record ModelOpt() implements Written, InStacks {

        @Override
        public String title() {
            return "ModelOpt";
        }

        @Override
        public TensorNames module(String name, Format format) {
            return module(name);
        }

        @Override
        public TensorNames module(String name) {
            return new TensorNames(
                    Part.WEIGHT.in(name),
                    List.of(Part.WEIGHT_SCALE.in(name)),
                    Optional.of(Part.WEIGHT_SCALE_2.in(name)),
                    List.of(Part.INPUT_SCALE.in(name)),
                    false);
        }

        private static boolean isInPairs(Format format) {
            return format == Format.INT4 || format == Format.INT4_FP8;
        }

        /// Integers of four bits lie in bytes.
        @Override
        public DType codeType(Format format) {
            return isInPairs(format) ? DType.U8 : format.codeType();
        }

        /// Integers of four bits: two rows share a byte.
        @Override
        public Shape codeShape(Format format, int rows, int columns) {
            return isInPairs(format) ? Shape.of(Math.ceilDiv(rows, 2), columns) : format.codeShape(rows, columns);
        }

        /// Scales of integers are F32.
        @Override
        public DType scaleType(Format format) {
            return format.coding() == Format.Coding.INTEGERS ? DType.F32 : format.scaleType();
        }

        /// Tiles have four extents, two of them 1.
        @Override
        public Shape scaleShape(Format format, int block, int rows, int columns) {
            Shape shape = format.scaleShape(block, rows, columns);
            return format.tile() == 0 ? shape : Shape.of(shape.dim(0), 1, shape.dim(1), 1);
        }

        @Override
        public boolean hasExtents(Format format) {
            return false;
        }

        @Override
        public Shape singleShape() {
            return Shape.of();
        }

        @Override
        public Arithmetic arithmetic() {
            return Arithmetic.MODELOPT;
        }

        @Override
        public boolean has(QuantAlgo algo) {
            return switch (algo) {
                case FP8,
                        FP8_PER_CHANNEL,
                        FP8_BLOCK,
                        NVFP4,
                        W4A16_NVFP4,
                        MXFP4,
                        MXFP8,
                        W4A16_INT,
                        W4A8_INT,
                        W4A8_NVFP4,
                        W4A8_NVFP4_32,
                        W4A8_MXFP4,
                        W8A16_INT,
                        W8A8_INT -> true;
                case W8A16_FP8, W8A16_FP8_CHANNEL, FP8_BLOCK_DYNAMIC, W4A4_MXFP4, W8A8_INT_DYNAMIC, W8A8_INT_TENSOR ->
                    false;
            };
        }

        @Override
        public boolean hasCache(String format) {
            return true;
        }

        @Override
        public boolean hasCachePerHead() {
            return false;
        }

        @Override
        public boolean hasStacks() {
            return true;
        }

        @Override
        public String cacheScale(String attention, boolean key) {
            return CacheNames.ofModelOpt(attention, key);
        }

        /// Returns the name of what a module's inputs are multiplied with before they are quantised.
        public static String preQuantScale(String module) {
            return module + ".pre_quant_scale";
        }

        @Override
        public TensorNames stack(String name) {
            return new TensorNames(
                    name,
                    List.of(Part.WEIGHT_SCALE.beside(name)),
                    Optional.of(Part.WEIGHT_SCALE_2.beside(name)),
                    List.of(Part.INPUT_SCALE.beside(name)),
                    false);
        }
    }

    /// See [#COMPRESSED_TENSORS].
    record CompressedTensors() implements Written {

        @Override
        public String title() {
            return "compressed-tensors";
        }

        /// Codes of eight bits have ModelOpt's names, packed codes have their own.
        @Override
        public TensorNames module(String name, Format format) {
            return format.codeType().bits() == format.bits() ? MODELOPT.module(name) : module(name);
        }

        /// Scales of integers have the type of the model, which is taken to be BF16.
        @Override
        public DType scaleType(Format format) {
            return format.coding() == Format.Coding.INTEGERS ? DType.BF16 : format.scaleType();
        }

        @Override
        public Shape scaleShape(Format format, int block, int rows, int columns) {
            return switch (format.granularity()) {
                case NONE, TENSOR -> singleShape();
                case CHANNEL, TOKEN -> Shape.of(rows, 1);
                case TILE, BLOCK, TOKEN_BLOCK -> format.scaleShape(block, rows, columns);
            };
        }

        @Override
        public boolean hasExtents(Format format) {
            return format == Format.INT4;
        }

        @Override
        public Shape singleShape() {
            return Shape.of(1);
        }

        @Override
        public Arithmetic arithmetic() {
            return Arithmetic.COMPRESSED_TENSORS;
        }

        /// FP8 in tiles has inputs quantised at run time, or no server loads it.
        @Override
        public boolean has(QuantAlgo algo) {
            return switch (algo) {
                case FP8,
                        W8A16_FP8,
                        W8A16_FP8_CHANNEL,
                        FP8_PER_CHANNEL,
                        FP8_BLOCK_DYNAMIC,
                        NVFP4,
                        W4A16_NVFP4,
                        MXFP4,
                        W4A4_MXFP4,
                        MXFP8,
                        W4A16_INT,
                        W8A8_INT,
                        W8A8_INT_DYNAMIC,
                        W8A8_INT_TENSOR -> true;
                case FP8_BLOCK, W4A8_INT, W4A8_NVFP4, W4A8_NVFP4_32, W4A8_MXFP4, W8A16_INT -> false;
            };
        }

        @Override
        public boolean hasCache(String format) {
            return format.equals(Format.FP8.name());
        }

        @Override
        public boolean hasCachePerHead() {
            return true;
        }

        @Override
        public boolean hasStacks() {
            return false;
        }

        @Override
        public String cacheScale(String attention, boolean key) {
            return CacheNames.ofCompressedTensors(attention, key);
        }

        @Override
        public TensorNames module(String name) {
            return new TensorNames(
                    Part.WEIGHT_PACKED.in(name),
                    List.of(Part.WEIGHT_SCALE.in(name)),
                    Optional.of(Part.WEIGHT_GLOBAL_SCALE.in(name)),
                    List.of(Part.INPUT_GLOBAL_SCALE.in(name)),
                    true);
        }

        /// Returns the name of the order of input features by activation, which is not read.
        public static String activationOrder(String module) {
            return module + ".weight_g_idx";
        }
    }

    /// See [#HUGGING_FACE_FP8].
    record HuggingFaceFp8() implements InModules, InStacks {

        @Override
        public TensorNames module(String name) {
            return new TensorNames(
                    Part.WEIGHT.in(name),
                    List.of(Part.WEIGHT_SCALE_INV.in(name), name + ".scale"),
                    Optional.empty(),
                    List.of(name + ".activation_scale"),
                    false);
        }

        @Override
        public TensorNames stack(String name) {
            return new TensorNames(
                    name,
                    List.of(Part.WEIGHT_SCALE_INV.beside(name), name + "_scale_inv"),
                    Optional.empty(),
                    List.of(),
                    false);
        }
    }

    /// See [#GPT_OSS].
    record GptOss() implements InStacks {

        @Override
        public TensorNames stack(String name) {
            return new TensorNames(
                    Part.BLOCKS.beside(name), List.of(Part.SCALES.beside(name)), Optional.empty(), List.of(), false);
        }

        /// Returns the name of the biases `(count, rows)` of a stack.
        public static String bias(String stack) {
            return stack + "_bias";
        }

        /// Returns the stack whose biases have this name, if it is such a name.
        public static Optional<String> stackOfBias(String tensor) {
            return tensor.endsWith("_bias")
                    ? Optional.of(tensor.substring(0, tensor.length() - "_bias".length()))
                    : Optional.empty();
        }
    }
}
