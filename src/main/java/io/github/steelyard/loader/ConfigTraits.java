package io.github.steelyard.loader;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What is odd about the quantization config as a whole.
///
/// @param checkpoint the checkpoint
/// @param decoder its model
record ConfigTraits(Checkpoint checkpoint, Decoder decoder) {

    private static final String EXPRESSION = "re:";

    Set<Trait> all() {
        Set<Trait> traits = LoadedPart.none();
        try {
            Optional<ConfigJson> config = checkpoint.config().object("quantization_config");
            if (config.isPresent()
                    && checkpoint.quantization().method() == QuantizationConfig.Method.COMPRESSED_TENSORS) {
                compressedTensors(config.get(), traits);
                LoadedParts.put(
                        traits,
                        Trait.SECOND_CONFIG,
                        checkpoint.json("hf_quant_config.json").isPresent());
            } else if (config.isPresent() && checkpoint.quantization().method() == QuantizationConfig.Method.MODELOPT) {
                modelOpt(config.get(), traits);
            }
        } catch (CheckpointException e) {
            return traits; // what cannot be read is found by the reading of the config
        }
        return traits;
    }

    /// Returns the algorithms that ModelOpt's config names, in capitals, as servers compare them.
    Set<String> algorithms() {
        Set<String> words = new TreeSet<>();
        try {
            Optional<ConfigJson> config = checkpoint.config().object("quantization_config");
            if (config.isPresent() && checkpoint.quantization().method() == QuantizationConfig.Method.MODELOPT) {
                words.add(config.get().stringOr("quant_algo", ""));
                Optional<ConfigJson> layers = config.get().object("quantized_layers");
                for (String layer : layers.map(ConfigJson::keys).orElse(Set.of())) {
                    layers.flatMap(all -> all.object(layer))
                            .ifPresent(said -> words.add(said.stringOr("quant_algo", "")));
                }
            }
        } catch (CheckpointException e) {
            return Set.of(); // what cannot be read is found by the reading of the config
        }
        return words.stream()
                .filter(word -> !word.isEmpty())
                .map(word -> word.toUpperCase(Locale.ROOT))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private void compressedTensors(ConfigJson config, Set<Trait> traits) {
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

    private void modelOpt(ConfigJson config, Set<Trait> traits) {
        if (!config.stringOr("quant_algo", "").equals("MIXED_PRECISION")) {
            return;
        }
        Set<String> layers =
                config.object("quantized_layers").map(ConfigJson::keys).orElse(Set.of());
        LoadedParts.put(traits, Trait.NOTHING_LISTED, layers.isEmpty());
        LoadedParts.put(
                traits,
                Trait.EXPERTS_NOT_NAMED,
                decoder.modules().stream()
                        .filter(module -> layers.contains(module.name()))
                        .flatMap(module -> module.expert().stream())
                        .anyMatch(part -> !layers.contains(part.group())));
    }
}
