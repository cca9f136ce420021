package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Format;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.InputScale;
import io.github.steelyard.weights.WeightTensors;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The formats in which a checkpoint holds its weights, and in which a server quantises inputs and cache for them.
///
/// | weight | input |
/// |---|---|
/// | FP8 per tensor | FP8, a scale for the tensor |
/// | FP8 per channel | FP8, a scale per token |
/// | NVFP4 | NVFP4, where there is a scale, or the config declares one |
/// | MXFP8 | MXFP8 |
/// | INT8 per tensor or channel | INT8, where there is a scale or the config declares one per token |
/// | any, where the config declares FP8 inputs | FP8 |
/// | FP8 in blocks, MXFP4, packed integers | as it is: servers that quantise it do so by themselves |
/// | any, where the config declares the weight alone | as it is |
///
/// The tensors decide; where there are none, the config does.
public final class StoredFormats {

    private final QuantizationConfig config;
    private final Optional<Checkpoint> checkpoint;
    private final Map<Site, Format> formats = new TreeMap<>();

    private StoredFormats(QuantizationConfig config, Optional<Checkpoint> checkpoint) {
        this.config = config;
        this.checkpoint = checkpoint;
    }

    /// Returns the format at every site that is not plain.
    ///
    /// @param checkpoint the tensors; empty where the config alone is there
    public static Map<Site, Format> of(
            QuantizationConfig config, Optional<Checkpoint> checkpoint, List<ModuleInfo> modules) {
        StoredFormats stored = new StoredFormats(config, checkpoint);
        for (ModuleInfo module : modules) {
            if (module.kind() == ModuleInfo.Kind.ATTENTION) {
                stored.cache(module);
            } else {
                stored.linear(module);
            }
        }
        return Collections.unmodifiableMap(stored.formats);
    }

    private void linear(ModuleInfo module) {
        Optional<Declaration> declared = config.declarationOf(module.name());
        Format weight = checkpoint
                .flatMap(opened -> weight(opened, module))
                .orElseGet(() -> declared.map(Declaration::format).orElse(Format.PLAIN));
        if (weight == Format.PLAIN) {
            return;
        }
        formats.put(new Site(module.name(), Role.WEIGHT), weight);
        input(weight, module, declared.map(Declaration::input))
                .ifPresent(input -> formats.put(new Site(module.name(), Role.INPUT), input));
    }

    private Optional<Format> input(Format weight, ModuleInfo module, Optional<Input> declared) {
        if (declared.equals(Optional.of(Input.NONE))) {
            return Optional.empty();
        }
        if (declared.equals(Optional.of(Input.STATIC_FP8))) {
            return Optional.of(Format.FP8);
        }
        return switch (weight) {
            case FP8 -> Optional.of(Format.FP8);
            case FP8_PER_CHANNEL -> Optional.of(Format.FP8_DYNAMIC_TOKEN);
            case NVFP4 -> declared.isPresent() || hasInputScale(module) ? Optional.of(Format.NVFP4) : Optional.empty();
            case MXFP8 -> Optional.of(Format.MXFP8);
            case INT8, INT8_PER_CHANNEL ->
                declared.equals(Optional.of(Input.DYNAMIC))
                        ? Optional.of(Format.INT8_DYNAMIC_TOKEN)
                        : hasInputScale(module) ? Optional.of(Format.INT8) : Optional.empty();
            case PLAIN,
                    FP8_BLOCK,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    NVFP4_32,
                    MXFP4,
                    INT4,
                    INT4_FP8,
                    INT8_DYNAMIC_TOKEN,
                    INT8_GROUPS -> Optional.empty();
        };
    }

    private boolean hasInputScale(ModuleInfo module) {
        return checkpoint
                .filter(opened -> InputScale.of(opened, module.name()).isPresent()
                        || module.stacked()
                                .map(FusedStack.Member::stack)
                                .flatMap(stack -> InputScale.ofStack(opened, stack.tensor()))
                                .isPresent())
                .isPresent();
    }

    /// Returns the format of a weight that has tensors of its own, or a place in a tensor of all experts. What is wrong
    /// with them is told where the weight is read.
    private static Optional<Format> weight(Checkpoint checkpoint, ModuleInfo module) {
        try {
            if (StoredNames.weight(checkpoint::has, module.name()).isPresent()) {
                return Optional.of(
                        WeightTensors.detect(checkpoint, module.name()).format());
            }
            return module.stacked()
                    .map(FusedStack.Member::stack)
                    .filter(stack -> stack.isIn(checkpoint))
                    .map(stack ->
                            WeightTensors.ofStack(checkpoint, stack.tensor()).format());
        } catch (CheckpointException e) {
            return Optional.empty();
        }
    }

    private void cache(ModuleInfo attention) {
        Optional<Format> format = config.cacheFormat()
                .or(() -> checkpoint
                        .filter(opened ->
                                CacheScales.find(opened, attention.name(), true).isPresent()
                                        && CacheScales.find(opened, attention.name(), false)
                                                .isPresent())
                        .map(opened -> Format.FP8));
        format.ifPresent(found -> attention.cacheSites(site -> false).forEach(site -> formats.put(site, found)));
    }
}
