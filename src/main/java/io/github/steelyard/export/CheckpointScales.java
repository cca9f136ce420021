package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.model.FusedStack;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.Site;
import io.github.steelyard.model.WeightTensors;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.quant.QuantFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The activation quantizers that a quantised checkpoint itself carries, in ModelOpt's or compressed-tensors' layout.
public final class CheckpointScales {

    private static final float E4M3_MAX = 448;
    private static final float NVFP4_RANGE = 6 * 448;

    private final Checkpoint checkpoint;
    private final Map<Site, FakeQuantizer> quantizers = new TreeMap<>();

    private CheckpointScales(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /// Returns the quantizers of the inputs and of the key and value cache. Weights are what they are stored as.
    ///
    /// @throws CheckpointException if a scale is not one positive finite value
    public static Map<Site, FakeQuantizer> read(Checkpoint checkpoint, List<ModuleInfo> modules) {
        CheckpointScales scales = new CheckpointScales(checkpoint);
        for (ModuleInfo module : modules) {
            if (module.kind() == ModuleInfo.Kind.ATTENTION) {
                boolean latent = module.isLatentAttention(); // of its cache, k_scale is the scale of both parts
                scales.cache(module, "k", latent ? Role.LATENT : Role.KEY);
                scales.cache(module, latent ? "k" : "v", latent ? Role.ROTATED_KEY : Role.VALUE);
            } else if (checkpoint.has(module.name() + ".weight") || checkpoint.has(module.name() + ".weight_packed")) {
                scales.input(module.name());
            } else {
                module.stacked()
                        .map(FusedStack.Member::stack)
                        .filter(stack -> stack.isIn(checkpoint))
                        .ifPresent(stack -> scales.stackedInput(module.name(), stack.tensor()));
            }
        }
        return scales.quantizers;
    }

    private void input(String module) {
        Site site = new Site(module, Role.INPUT);
        switch (WeightTensors.detect(checkpoint, module).kind()) {
            case PLAIN -> {}
            case FP8_BLOCK, FP8_CHANNEL -> put(site, QuantFormat.FP8_DYNAMIC_TOKEN, 0);
            case FP8_TENSOR ->
                scalar(module + ".input_scale").ifPresent(scale -> put(site, QuantFormat.FP8, scale * E4M3_MAX));
            case NVFP4 ->
                scalar(module + ".input_scale").ifPresent(scale -> put(site, QuantFormat.NVFP4, scale * NVFP4_RANGE));
            case NVFP4_PACKED ->
                scalar(module + ".input_global_scale")
                        .ifPresent(scale -> put(site, QuantFormat.NVFP4, NVFP4_RANGE / scale));
            case MXFP4 -> {}
            case MXFP8 -> put(site, QuantFormat.MXFP8, 0);
        }
    }

    /// Reads the scale that all experts of one tensor share.
    private void stackedInput(String module, String tensor) {
        QuantFormat format = switch (WeightTensors.ofStack(checkpoint, tensor).kind()) {
            case NVFP4 -> QuantFormat.NVFP4;
            case FP8_TENSOR -> QuantFormat.FP8;
            default -> null;
        };
        if (format != null) {
            float range = format == QuantFormat.NVFP4 ? NVFP4_RANGE : E4M3_MAX;
            scalar(tensor + "_input_scale")
                    .ifPresent(scale -> put(new Site(module, Role.INPUT), format, scale * range));
        }
    }

    private void cache(ModuleInfo attention, String letter, Role role) {
        Optional<Float> scale = scalar("%s.%s_proj.%s_scale".formatted(attention.name(), letter, letter))
                .or(() -> scalar("%s.%s_scale".formatted(attention.name(), letter)));
        scale.ifPresent(value -> put(new Site(attention.name(), role), QuantFormat.FP8, value * E4M3_MAX));
    }

    private void put(Site site, QuantFormat format, float amax) {
        quantizers.put(site, FakeQuantizer.of(format, amax));
    }

    private Optional<Float> scalar(String name) {
        if (!checkpoint.has(name)) {
            return Optional.empty();
        }
        TensorInfo tensor = checkpoint.tensor(name);
        if (tensor.shape().elements() != 1) {
            throw new CheckpointException(
                    tensor.file(), "tensor '%s': wanted one value, found shape %s".formatted(name, tensor.shape()));
        }
        float[] value = new float[1];
        new PlainWeight(checkpoint.bytes(tensor), tensor.dtype(), 1, 1).decodeRows(0, 1, value, 0);
        if (!(value[0] > 0 && value[0] < Float.POSITIVE_INFINITY)) {
            throw new CheckpointException(
                    tensor.file(), "tensor '%s': wanted a positive finite scale, found %s".formatted(name, value[0]));
        }
        return Optional.of(value[0]);
    }
}
