package io.github.steelyard.declare;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.census.LauncherState;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.BlockSizes;
import io.github.steelyard.quant.NumBits;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.torch.TorchFile;
import io.github.steelyard.torch.TorchValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// What ModelOpt's launcher for vLLM is told of weights that are fake-quantised: nothing in the configs, or vLLM would
/// look for codes, and the state of the quantizers of inputs and caches in files of their own.
///
/// | file | the launcher reads it for | holds |
/// |---|---|---|
/// | `vllm_fq_modelopt_state.pth` | `MODELOPT_STATE_PATH` | formats and amax |
/// | `quantizer_state.pth` | `QUANT_FILE_PATH` | amax alone; `QUANT_CFG` says the formats |
///
/// Source: MODELOPT (see `docs/SOURCES.md`).
///
/// @param quantizers the quantizers
/// @param version version of ModelOpt whose state this is
public record LauncherDeclaration(List<LauncherQuantizer> quantizers, String version) implements ExportDeclaration {

    /// Name of the file with the amax alone.
    public static final String AMAX = "quantizer_state.pth";

    /// Bits of a value of NVFP4, the scale of its block included, as ModelOpt's recipes give them.
    private static final double NVFP4_BITS = 4.5;

    public LauncherDeclaration {
        quantizers = List.copyOf(quantizers);
    }

    /// Returns whether the launcher has a word for inputs and caches in this format.
    public static boolean has(Format format) {
        return QuantizerConfig.of(format).isPresent();
    }

    @Override
    public SequencedMap<String, ModuleFormat> layers() {
        return Collections.emptyNavigableMap();
    }

    @Override
    public Optional<String> kvCache() {
        return Optional.empty();
    }

    @Override
    public ObjectNode quantizationConfig() {
        return JsonNodeFactory.instance.objectNode();
    }

    @Override
    public SequencedMap<String, byte[]> others() {
        SequencedMap<String, byte[]> files = new LinkedHashMap<>();
        files.put(LauncherState.FILE_NAME, TorchFile.bytes(root(LauncherState.FILE_NAME), state()));
        files.put(AMAX, TorchFile.bytes(root(AMAX), amax()));
        return files;
    }

    private static String root(String file) {
        return file.substring(0, file.lastIndexOf('.'));
    }

    /// The launcher would enable quantizers by ModelOpt's own defaults, if the config did not switch all off first.
    private TorchValue state() {
        SequencedMap<String, TorchValue> states = new LinkedHashMap<>();
        SequencedMap<String, TorchValue> weights = new LinkedHashMap<>();
        for (LauncherQuantizer quantizer : quantizers) {
            states.put(quantizer.name(), state(quantizer));
            weights.put(
                    quantizer.name(),
                    isCalibrated(quantizer)
                            ? TorchValue.dictionary("_amax", new TorchValue.Scalar(quantizer.amax()))
                            : TorchValue.dictionary(new LinkedHashMap<>()));
        }
        SequencedMap<String, TorchValue> off = new LinkedHashMap<>();
        off.put("quantizer_name", TorchValue.of("*"));
        off.put("parent_class", TorchValue.NONE);
        off.put("cfg", TorchValue.NONE);
        off.put("enable", TorchValue.of(false));
        SequencedMap<String, TorchValue> config = new LinkedHashMap<>();
        config.put("quant_cfg", TorchValue.list(TorchValue.dictionary(off)));
        config.put("algorithm", TorchValue.of("max"));
        SequencedMap<String, TorchValue> mode = new LinkedHashMap<>();
        mode.put("config", TorchValue.dictionary(config));
        mode.put("metadata", TorchValue.dictionary("quantizer_state", TorchValue.dictionary(states)));
        SequencedMap<String, TorchValue> file = new LinkedHashMap<>();
        file.put(
                "modelopt_state_dict",
                TorchValue.list(TorchValue.tuple(TorchValue.of("quantize"), TorchValue.dictionary(mode))));
        file.put("modelopt_version", TorchValue.of(version));
        file.put("modelopt_state_weights", TorchValue.dictionary(weights));
        return TorchValue.dictionary(file);
    }

    private TorchValue amax() {
        SequencedMap<String, TorchValue> values = new LinkedHashMap<>();
        quantizers.stream()
                .filter(LauncherDeclaration::isCalibrated)
                .forEach(quantizer -> values.put(quantizer.name() + "._amax", new TorchValue.Scalar(quantizer.amax())));
        return TorchValue.dictionary(values);
    }

    private static boolean isCalibrated(LauncherQuantizer quantizer) {
        return quantizer.format().hasTensorScale();
    }

    /// Returns the attributes of a quantizer, all that ModelOpt saves, in its order.
    private static TorchValue state(LauncherQuantizer quantizer) {
        QuantizerConfig config = QuantizerConfig.of(quantizer.format()).orElseThrow();
        TorchValue no = TorchValue.of(false);
        TorchValue yes = TorchValue.of(true);
        SequencedMap<String, TorchValue> state = new LinkedHashMap<>();
        state.put("_input_dtype", TorchValue.NONE);
        state.put("_bias", TorchValue.NONE);
        state.put(
                "_effective_bits",
                quantizer.format() == Format.NVFP4 ? new TorchValue.Real(NVFP4_BITS) : TorchValue.NONE);
        state.put("_constant_amax", TorchValue.NONE);
        state.put("backend", TorchValue.NONE);
        state.put("backend_extra_args", TorchValue.dictionary(new LinkedHashMap<>()));
        state.put("_if_calib", no);
        state.put("_dequantize", no);
        state.put("_narrow_range", no);
        state.put("_disabled", no);
        state.put("_num_bits", bits(config.numBits()));
        state.put("_axis", TorchValue.NONE);
        state.put("_if_quant", yes);
        state.put("_learn_amax", no);
        state.put("_trt_high_precision_dtype", TorchValue.of("Float"));
        state.put("_dynamic", TorchValue.of(config.dynamic()));
        state.put("_unsigned", no);
        state.put("_fake_quant", yes);
        state.put("_enable_pre_quant_scale", yes);
        state.put("_use_constant_amax", no);
        state.put(
                "_block_sizes",
                config.blockSizes().map(LauncherDeclaration::blocks).orElse(TorchValue.NONE));
        state.put("_pass_through_bwd", yes);
        state.put("_rotate", no);
        state.put("_pytorch_state_metadata", buffers(isCalibrated(quantizer)));
        return TorchValue.dictionary(state);
    }

    private static TorchValue blocks(BlockSizes blocks) {
        SequencedMap<TorchValue, TorchValue> entries = new LinkedHashMap<>();
        blocks.sizes()
                .forEach((axis, size) -> entries.put(
                        TorchValue.of(axis), size.isPresent() ? TorchValue.of(size.getAsInt()) : TorchValue.NONE));
        if (blocks.dynamic()) {
            entries.put(TorchValue.of("type"), TorchValue.of("dynamic"));
        }
        blocks.scaleBits().ifPresent(scale -> entries.put(TorchValue.of("scale_bits"), bits(scale)));
        return new TorchValue.Dictionary(entries);
    }

    private static TorchValue bits(NumBits bits) {
        return switch (bits) {
            case NumBits.Whole whole -> TorchValue.of(whole.bits());
            case NumBits.Floating code ->
                TorchValue.tuple(TorchValue.of(code.exponent()), TorchValue.of(code.mantissa()));
        };
    }

    private static TorchValue buffers(boolean calibrated) {
        SequencedMap<String, TorchValue> amax = new LinkedHashMap<>();
        if (calibrated) {
            SequencedMap<String, TorchValue> tensor = new LinkedHashMap<>();
            tensor.put("shape", TorchValue.tuple());
            tensor.put("dtype", new TorchValue.Float32());
            amax.put("_amax", TorchValue.dictionary(tensor));
        }
        SequencedMap<String, TorchValue> kinds = new LinkedHashMap<>();
        kinds.put("params", TorchValue.dictionary(new LinkedHashMap<>()));
        kinds.put("buffers", TorchValue.dictionary(amax));
        return TorchValue.dictionary(kinds);
    }
}
