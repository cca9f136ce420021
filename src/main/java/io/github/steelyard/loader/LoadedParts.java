package io.github.steelyard.loader;

import io.github.steelyard.census.CacheScales;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/// Looks at a checkpoint as a loader does: module by module, with what is declared and what lies there.
public final class LoadedParts {

    private static final List<String> PROBED = List.of("gate_proj", "up_proj", "down_proj");

    private final Checkpoint checkpoint;
    private final StoredModules stored;
    private final Decoder decoder;
    private final Function<TensorInfo, Optional<Float>> single;
    private final QuantizationConfig config;
    private final boolean mixed;
    private final Map<String, ModuleInfo> modules = new HashMap<>();
    private final Set<String> biased = new HashSet<>();
    private final Map<String, Set<Format>> formats = new TreeMap<>(); // of the experts of a layer
    private final List<LoadedPart> parts = new ArrayList<>();

    private LoadedParts(
            Checkpoint checkpoint,
            StoredModules stored,
            Decoder decoder,
            Function<TensorInfo, Optional<Float>> single) {
        this.checkpoint = checkpoint;
        this.stored = stored;
        this.decoder = decoder;
        this.single = single;
        this.config = checkpoint.quantization();
        this.mixed = config.labels().size() > 1;
    }

    /// Returns the parts, in the order of the model, the config last.
    ///
    /// @param single returns the value of a scale that holds a single one and can be read
    public static List<LoadedPart> of(
            Checkpoint checkpoint,
            StoredModules stored,
            Decoder decoder,
            Function<TensorInfo, Optional<Float>> single) {
        LoadedParts parts = new LoadedParts(checkpoint, stored, decoder, single);
        parts.collect();
        return parts.parts;
    }

    private void collect() {
        List<ModuleInfo> all = decoder.modules();
        all.forEach(module -> modules.put(module.name(), module));
        decoder.linears().stream()
                .filter(linear -> linear.bias().isPresent())
                .map(Linear::info)
                .forEach(module -> biased.add(module.name()));
        for (ModuleInfo module : all) {
            module.expert()
                    .ifPresent(part -> stored(module)
                            .ifPresent(found -> formats.computeIfAbsent(part.group(), absent -> new HashSet<>())
                                    .add(format(found))));
        }
        for (ModuleInfo module : all) {
            if (module.kind() == ModuleInfo.Kind.ATTENTION) {
                cache(module);
            } else {
                stored(module).ifPresent(found -> linear(module, found));
            }
        }
        ConfigTraits whole = ConfigTraits.of(checkpoint, decoder);
        config("config.json", "", whole.traits());
        whole.algorithms().forEach(word -> config("quant_algo " + word, word, LoadedPart.none()));
    }

    private void config(String name, String algorithm, Set<Trait> traits) {
        parts.add(new LoadedPart(
                name, LoadedPart.Kind.CONFIG, config.method(), algorithm, Input.NONE, decoder.family(), traits));
    }

    private Optional<StoredModule> stored(ModuleInfo module) {
        return stored.find(module.name())
                .filter(found -> found.weight().isPresent())
                .or(() -> module.stacked().map(FusedStack.Member::stack).flatMap(stack -> stored.find(stack.tensor())));
    }

    /// A matrix of one tile has one scale, as one of the whole tensor: which it is, the config says.
    private Format format(StoredModule module) {
        Format stored = module.format().orElse(Format.PLAIN);
        return stored == Format.FP8
                ? config.declarationOf(module.name())
                        .map(Declaration::format)
                        .filter(said -> said == Format.FP8_BLOCK)
                        .orElse(stored)
                : stored;
    }

    private void linear(ModuleInfo module, StoredModule found) {
        Set<Trait> traits = LoadedPart.none();
        Optional<Declaration> declared = config.declarationOf(module.name());
        Format format = format(found);
        put(traits, Trait.MIXED, mixed);
        put(traits, Trait.BIASED, module.isExpert() && biased.contains(module.name()));
        put(
                traits,
                Trait.UNLISTED,
                declared.filter(said -> said.how() == Declaration.How.DEFAULT && said.format() == Format.PLAIN)
                        .isPresent());
        put(
                traits,
                Trait.PARTIAL_GROUPS,
                format == Format.FP8_BLOCK
                        && module.columns() % Fp8.BLOCK != 0
                        && declared.filter(said -> said.input() != Input.NONE).isPresent());
        module.expert().ifPresent(part -> {
            put(
                    traits,
                    Trait.UNEVEN_EXPERTS,
                    Objects.requireNonNull(formats.get(part.group())).size() > 1);
            put(traits, Trait.UNPROBED, isUnprobed(part.group(), format));
        });
        joined(module, found, traits);
        parts.add(new LoadedPart(
                found.name(),
                kind(module),
                config.method(),
                format.name(),
                declared.map(Declaration::input).orElse(Input.NONE),
                decoder.family(),
                traits));
    }

    private void joined(ModuleInfo module, StoredModule found, Set<Trait> traits) {
        List<StoredModule> others = module.joined().stream()
                .filter(name -> !name.equals(module.name()))
                .flatMap(name -> Optional.ofNullable(modules.get(name)).stream())
                .flatMap(other -> stored(other).stream())
                .toList();
        put(
                traits,
                Trait.UNEVEN_TILES,
                !others.isEmpty() && format(found) == Format.FP8_BLOCK && module.rows() % Fp8.BLOCK != 0);
        for (StoredModule other : others) {
            put(traits, Trait.TORN, format(other) != format(found));
            put(
                    traits,
                    Trait.WEIGHT_SCALE_DIFFERS,
                    format(found) != Format.FP8_BLOCK && differ(tensorScale(found), tensorScale(other)));
            put(traits, Trait.INPUT_SCALE_DIFFERS, differ(found.inputScale(), other.inputScale()));
        }
    }

    private static Optional<TensorInfo> tensorScale(StoredModule module) {
        return module.tensors().flatMap(tensors -> tensors.tensorScale());
    }

    private boolean differ(Optional<TensorInfo> one, Optional<TensorInfo> other) {
        Optional<Float> first = one.flatMap(single);
        Optional<Float> second = other.flatMap(single);
        return first.isPresent() && second.isPresent() && !first.equals(second);
    }

    /// vLLM asks what is said of these names, whatever the family calls the projections of its experts.
    private boolean isUnprobed(String group, Format format) {
        return PROBED.stream()
                .map(projection -> config.declarationOf(group + ".0." + projection))
                .anyMatch(said -> said.isPresent() && said.get().format() != format);
    }

    private void cache(ModuleInfo attention) {
        Optional<TensorInfo> key = CacheScales.find(checkpoint, attention.name(), true);
        Optional<TensorInfo> value = CacheScales.find(checkpoint, attention.name(), false);
        if (key.isEmpty() && value.isEmpty() && config.kvCache().isEmpty()) {
            return;
        }
        Set<Trait> traits = LoadedPart.none();
        put(traits, Trait.LATENT, attention.isLatentAttention());
        put(
                traits,
                Trait.PER_HEAD,
                key.filter(scale -> scale.shape().elements() > 1).isPresent());
        parts.add(new LoadedPart(
                attention.name(),
                LoadedPart.Kind.CACHE,
                config.method(),
                config.kvCache().orElse("none"),
                key.isPresent() || value.isPresent() ? Input.STATIC : Input.NONE,
                decoder.family(),
                traits));
    }

    private static LoadedPart.Kind kind(ModuleInfo module) {
        return switch (module.kind()) {
            case LINEAR, ATTENTION -> module.isExpert() ? LoadedPart.Kind.EXPERT : LoadedPart.Kind.LINEAR;
            case ROUTER -> LoadedPart.Kind.ROUTER;
            case HEAD -> LoadedPart.Kind.HEAD;
        };
    }

    static void put(Set<Trait> traits, Trait trait, boolean there) {
        if (there) {
            traits.add(trait);
        }
    }
}
