package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.GroupedFindings;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Ints;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.InputScale;
import io.github.steelyard.weights.WeightTensors;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The activation quantizers that a quantised checkpoint itself carries, in any layout that is read: what a server
/// quantises.
///
/// | weight | input |
/// |---|---|
/// | FP8 per tensor | its static scale; without one, and declared dynamic, a scale per token |
/// | FP8 per channel | a scale per token |
/// | FP8 in blocks | a scale per token and 128 columns |
/// | NVFP4 | its static scale |
/// | MXFP4 declared dynamic, MXFP8 | a scale per 32 columns |
/// | any, where the config declares no input quantizer: weight-only | nothing |
/// | other MXFP4, packed integers | nothing |
/// | fake-quantised for ModelOpt's launcher | what the launcher is told ([LauncherState]) |
public final class CheckpointScales {

    private final Checkpoint checkpoint;
    private final GroupedFindings findings = new GroupedFindings();
    private final Map<Site, FakeQuantizer> quantizers = new TreeMap<>();

    private CheckpointScales(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /// What a checkpoint carries.
    ///
    /// @param quantizers of inputs, keys and values
    /// @param findings what a server does in place of scales that are not there
    public record Carried(Map<Site, FakeQuantizer> quantizers, List<Finding> findings) {}

    /// Returns the quantizers of the inputs and of the key and value cache. Weights are what they are stored as.
    ///
    /// @throws CheckpointException if a scale is not positive and finite, or its amax is not
    public static Carried read(Checkpoint checkpoint, List<ModuleInfo> modules) {
        if (LauncherState.isIn(checkpoint)) {
            return new Carried(LauncherState.read(checkpoint, modules), List.of());
        }
        CheckpointScales scales = new CheckpointScales(checkpoint);
        for (ModuleInfo module : modules) {
            if (module.kind() == ModuleInfo.Kind.ATTENTION) {
                scales.cache(module);
            } else if (StoredNames.weight(checkpoint::has, module.name()).isPresent()) {
                scales.input(module);
            } else {
                module.stacked()
                        .map(FusedStack.Member::stack)
                        .filter(stack -> stack.isIn(checkpoint))
                        .ifPresent(stack -> scales.stackedInput(module.name(), stack.tensor()));
            }
        }
        return new Carried(scales.quantizers, scales.findings.list());
    }

    private void input(ModuleInfo info) {
        String module = info.name();
        inputScale(module);
        Site site = new Site(module, Role.INPUT);
        new CheckpointWeights(checkpoint)
                .inputFactors(module, info.columns())
                .ifPresent(factors -> quantizers.computeIfPresent(
                        site, (at, quantizer) -> quantizer.within(new ChannelFactors(factors))));
    }

    private void inputScale(String module) {
        Site site = new Site(module, Role.INPUT);
        Optional<Input> declared =
                checkpoint.quantization().declarationOf(module).map(Declaration::input);
        if (declared.equals(Optional.of(Input.NONE))) {
            return;
        }
        if (declared.equals(Optional.of(Input.STATIC_FP8))) {
            InputScale.of(checkpoint, module).ifPresent(scale -> put(site, Format.FP8, amax(scale, E4m3.MAX)));
            return;
        }
        switch (WeightTensors.detect(checkpoint, module).format()) {
            case PLAIN,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    NVFP4_32,
                    INT4,
                    INT4_FP8,
                    INT8_DYNAMIC_TOKEN,
                    INT8_GROUPS -> {}
            case INT8, INT8_PER_CHANNEL -> {
                Optional<InputScale> scale = InputScale.of(checkpoint, module);
                if (scale.isPresent()) {
                    put(site, Format.INT8, amax(scale.get(), Ints.largest(Byte.SIZE)));
                } else if (declared.equals(Optional.of(Input.DYNAMIC))) {
                    put(site, Format.INT8_DYNAMIC_TOKEN, 0);
                }
            }
            case FP8 -> {
                Optional<InputScale> scale = InputScale.of(checkpoint, module);
                if (scale.isPresent()) {
                    put(site, Format.FP8, amax(scale.get(), E4m3.MAX));
                } else if (declared.equals(Optional.of(Input.DYNAMIC))) {
                    put(site, Format.FP8_DYNAMIC_TOKEN, 0);
                }
            }
            case FP8_PER_CHANNEL -> put(site, Format.FP8_DYNAMIC_TOKEN, 0);
            case FP8_BLOCK -> put(site, Format.FP8_DYNAMIC_GROUP, 0);
            case NVFP4 ->
                InputScale.of(checkpoint, module).ifPresent(scale -> put(site, Format.NVFP4, amax(scale, Nvfp4.RANGE)));
            case MXFP4 -> {
                if (declared.equals(Optional.of(Input.DYNAMIC))) {
                    put(site, Format.MXFP4, 0);
                }
            }
            case MXFP8 -> put(site, Format.MXFP8, 0);
        }
    }

    /// Reads the scale that all experts of one tensor share.
    private void stackedInput(String module, String tensor) {
        Format format = WeightTensors.ofStack(checkpoint, tensor).format();
        if (format.hasTensorScale()) {
            float range = format == Format.NVFP4 ? Nvfp4.RANGE : E4m3.MAX;
            InputScale.ofStack(checkpoint, tensor)
                    .ifPresent(scale -> put(new Site(module, Role.INPUT), format, amax(scale, range)));
        }
    }

    /// Reads the scales of keys and values. Of latent attention, the key's scale is that of both parts of its cache.
    private void cache(ModuleInfo attention) {
        Optional<String> promised = checkpoint.quantization().kvCache();
        Optional<TensorInfo> key = CacheScales.find(checkpoint, attention.name(), true);
        Optional<TensorInfo> value = CacheScales.find(checkpoint, attention.name(), false);
        if (promised.isEmpty() && key.isEmpty() && value.isEmpty()) {
            return;
        }
        Optional<Format> format = promised.isEmpty()
                ? Optional.of(Format.FP8)
                : checkpoint.quantization().cacheFormat();
        if (format.isEmpty()) {
            findings.warning(
                    "cache-not-faked",
                    attention.name(),
                    "the cache in %s is left as it is: only FP8 and NVFP4 are faked".formatted(promised.get()));
            return;
        }
        if (key.isEmpty() || value.isEmpty()) {
            findings.warning(
                    "cache-scale-missing",
                    attention.name(),
                    "a cache in %s is promised without scales; 1 is taken, as servers do"
                            .formatted(promised.orElse("FP8")));
        }
        boolean latent = attention.isLatentAttention();
        quantizers.put(new Site(attention.name(), latent ? Role.LATENT : Role.KEY), quantizer(format.get(), key));
        quantizers.put(
                new Site(attention.name(), latent ? Role.ROTATED_KEY : Role.VALUE),
                quantizer(format.get(), latent ? key : value));
    }

    /// Returns the quantizer of keys or values, of each head where every head has a scale.
    private FakeQuantizer quantizer(Format format, Optional<TensorInfo> scale) {
        if (scale.isEmpty()) {
            return FakeQuantizer.of(format, E4m3.MAX);
        }
        float[] amax = values(scale.get());
        for (int i = 0; i < amax.length; i++) {
            amax[i] = finite(scale.get(), amax[i], amax[i] * E4m3.MAX);
        }
        return amax.length == 1 ? FakeQuantizer.of(format, amax[0]) : FakeQuantizer.ofParts(format, amax);
    }

    private void put(Site site, Format format, float amax) {
        Arithmetic arithmetic = checkpoint.quantization().method() == QuantizationConfig.Method.COMPRESSED_TENSORS
                ? Arithmetic.COMPRESSED_TENSORS
                : Arithmetic.MODELOPT;
        quantizers.put(site, FakeQuantizer.of(format, arithmetic, amax));
    }

    private float amax(InputScale scale, float range) {
        float[] values = values(scale.tensor());
        if (values.length != 1) {
            throw new CheckpointException(
                    scale.tensor().file(),
                    "tensor '%s': wanted one value, found shape %s"
                            .formatted(scale.tensor().name(), scale.tensor().shape()));
        }
        return finite(scale.tensor(), values[0], scale.reciprocal() ? range / values[0] : values[0] * range);
    }

    private float[] values(TensorInfo tensor) {
        return new CheckpointWeights(checkpoint).vector(tensor.name(), tensor.shape());
    }

    private static float finite(TensorInfo tensor, float scale, float amax) {
        if (!(scale > 0 && amax > 0 && amax < Float.POSITIVE_INFINITY)) {
            throw new CheckpointException(
                    tensor.file(),
                    "tensor '%s': wanted a positive finite scale with a finite amax, found %s"
                            .formatted(tensor.name(), scale));
        }
        return amax;
    }
}
