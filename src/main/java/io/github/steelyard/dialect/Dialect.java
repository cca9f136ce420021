package io.github.steelyard.dialect;

import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;

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
}
