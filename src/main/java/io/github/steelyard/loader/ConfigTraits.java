package io.github.steelyard.loader;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.dialect.QuantizationConfig.Method;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// What a server meets in the quantization config as a whole.
///
/// @param traits what is odd about it
/// @param algorithms the algorithms that ModelOpt's config names, in capitals, as servers compare them
record ConfigTraits(Set<Trait> traits, Set<String> algorithms) {

    private static final String EXPRESSION = "re:";

    static ConfigTraits of(Checkpoint checkpoint, Decoder decoder) {
        Set<Trait> traits = LoadedPart.none();
        Set<String> algorithms = new TreeSet<>();
        try {
            Method method = checkpoint.quantization().method();
            QuantizationConfig.embedded(checkpoint.config()).ifPresent(config -> {
                if (method == Method.COMPRESSED_TENSORS) {
                    compressedTensors(config, traits);
                } else if (method == Method.MODELOPT) {
                    modelOpt(config, decoder, traits, algorithms);
                }
            });
        } catch (CheckpointException e) {
            // What cannot be read is found by the reading of the config.
        }
        return new ConfigTraits(traits, algorithms);
    }

    private static void compressedTensors(ConfigJson config, Set<Trait> traits) {
        Optional<ConfigJson> groups = config.object("config_groups");
        if (groups.isEmpty()) {
            return;
        }
        List<String> targets = new ArrayList<>();
        boolean formatless = false;
        for (String name : groups.get().keys()) {
            if (groups.get().isObject(name)) {
                ConfigJson group = groups.get().object(name).orElseThrow();
                targets.addAll(group.strings("targets"));
                formatless |= !group.isString("format");
            }
        }
        boolean several = groups.get().keys().size() > 1;
        LoadedParts.put(traits, Trait.SEVERAL_GROUPS, several);
        LoadedParts.put(traits, Trait.GROUP_WITHOUT_FORMAT, several && formatless);
        LoadedParts.put(
                traits,
                Trait.CLASS_BESIDE_OTHERS,
                targets.size() > 1 && targets.stream().anyMatch(target -> !isName(target)));
        LoadedParts.put(
                traits,
                Trait.ROOTED_EXPRESSION,
                Stream.concat(targets.stream(), config.strings("ignore").stream())
                        .anyMatch(ConfigTraits::isRooted));
        LoadedParts.put(
                traits,
                Trait.EMBEDDING_TARGETED,
                targets.stream().anyMatch(target -> target.equals(EXPRESSION + ".*") || target.contains("embed")));
    }

    /// A class has neither dots nor the mark of an expression.
    private static boolean isName(String target) {
        return target.startsWith(EXPRESSION) || target.indexOf('.') >= 0 || target.equals("lm_head");
    }

    /// Engines rename what stands before the layers in names, not in expressions.
    private static boolean isRooted(String text) {
        String plain = text.replace("\\", "").replace("^", "");
        return text.startsWith(EXPRESSION)
                && (plain.startsWith(EXPRESSION + "backbone.")
                        || plain.startsWith(EXPRESSION + "model.language_model."));
    }

    private static void modelOpt(ConfigJson config, Decoder decoder, Set<Trait> traits, Set<String> algorithms) {
        Optional<ConfigJson> layers = config.object("quantized_layers");
        Set<String> listed = layers.map(ConfigJson::keys).orElse(Set.of());
        addAlgorithm(config, algorithms);
        for (String layer : listed) {
            layers.flatMap(all -> all.object(layer)).ifPresent(said -> addAlgorithm(said, algorithms));
        }
        if (config.stringOr("quant_algo", "").equals("MIXED_PRECISION")) {
            LoadedParts.put(traits, Trait.NOTHING_LISTED, listed.isEmpty());
            LoadedParts.put(
                    traits,
                    Trait.EXPERTS_NOT_NAMED,
                    decoder.modules().stream()
                            .filter(module -> listed.contains(module.name()))
                            .flatMap(module -> module.expert().stream())
                            .anyMatch(part -> !listed.contains(part.group())));
        }
    }

    private static void addAlgorithm(ConfigJson said, Set<String> algorithms) {
        String word = said.stringOr("quant_algo", "");
        if (!word.isEmpty()) {
            algorithms.add(word.toUpperCase(Locale.ROOT));
        }
    }
}
