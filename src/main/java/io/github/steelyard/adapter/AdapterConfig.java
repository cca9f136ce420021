package io.github.steelyard.adapter;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import io.github.steelyard.pattern.ModulePattern;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleBiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `adapter_config.json`, as far as it decides what an adapter computes.
///
/// What is not computed is refused by its key; so is a key that PEFT did not have when this was written, unless it says
/// nothing. Keys that matter in training alone are not looked at.
///
/// Source: PEFT, `LoraConfig` and `get_pattern_key` (see `docs/SOURCES.md`).
///
/// @param file the file
/// @param rank rank where no pattern says otherwise
/// @param ranks ranks by pattern, of which the first that holds counts
/// @param alpha numerator of the scale where no pattern says otherwise
/// @param alphas the same by pattern
/// @param rankStabilised whether the scale is `alpha / √rank` instead of `alpha / rank`
/// @param targets the modules that are adapted
/// @param parameters names, or ends of names, of parameters that are adapted
/// @param version version of PEFT that wrote the file, if it says so
record AdapterConfig(
        Path file,
        int rank,
        List<ByPattern> ranks,
        double alpha,
        List<ByPattern> alphas,
        boolean rankStabilised,
        Targets targets,
        Set<String> parameters,
        Optional<Version> version) {

    private static final int MOST_RANK = 1 << 16;

    private static final Set<String> READ = Set.of(
            "peft_type",
            "r",
            "lora_alpha",
            "use_rslora",
            "target_modules",
            "exclude_modules",
            "layers_to_transform",
            "layers_pattern",
            "rank_pattern",
            "alpha_pattern",
            "target_parameters",
            "peft_version",
            "init_lora_weights",
            "bias");

    /// Where the adapter comes from, how it was trained, and how it would be held in memory. `fan_in_fan_out` is for
    /// layers that are stored transposed, which no model here has; PEFT sets it back for linear layers.
    private static final Set<String> WITHOUT_EFFECT = Set.of(
            "task_type",
            "auto_mapping",
            "base_model_name_or_path",
            "revision",
            "inference_mode",
            "lora_dropout",
            "fan_in_fan_out",
            "loftq_config",
            "eva_config",
            "corda_config",
            "lora_ga_config",
            "megatron_config",
            "megatron_core",
            "qalora_group_size",
            "ensure_weight_tying",
            "runtime_config");

    /// Ways to begin that leave the model's own weights alone.
    private static final Set<String> BEGINNINGS = Set.of("gaussian", "eva", "orthogonal", "mica");

    /// A number for the modules that a pattern holds for.
    ///
    /// @param key where it stands
    record ByPattern(String key, ModulePattern pattern, double number) {}

    /// A version of PEFT.
    record Version(int major, int minor, int patch) {

        private static final Pattern NUMBERS = Pattern.compile("(\\d{1,6})\\.(\\d{1,6})(?:\\.(\\d{1,6}))?.*");

        static Optional<Version> of(String text) {
            Matcher matcher = NUMBERS.matcher(text);
            if (!matcher.matches()) {
                return Optional.empty();
            }
            int patch = matcher.group(3) == null ? 0 : Integer.parseInt(matcher.group(3));
            return Optional.of(
                    new Version(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)), patch));
        }

        boolean isAtLeast(int otherMajor, int otherMinor, int otherPatch) {
            return major != otherMajor
                    ? major > otherMajor
                    : minor != otherMinor ? minor > otherMinor : patch >= otherPatch;
        }
    }

    /// Reads the file.
    ///
    /// @throws CheckpointException if it is no LoRA's, or wants what is not computed
    static AdapterConfig read(Path file) {
        ConfigJson json = ConfigJson.read(file);
        String type = json.string("peft_type");
        if (!type.equals("LORA")) {
            throw new CheckpointException(
                    file, "peft_type: wanted LORA, the only kind that is computed, found " + Printable.quoted(type));
        }
        requireComputed(json);
        Expressions expressions = new Expressions(file);
        return new AdapterConfig(
                file,
                json.integer("r", 1, MOST_RANK),
                byPattern(json, "rank_pattern", expressions, (object, key) -> object.integer(key, 1, MOST_RANK)),
                json.number("lora_alpha"),
                byPattern(json, "alpha_pattern", expressions, ConfigJson::number),
                json.flag("use_rslora", false),
                Targets.read(json, expressions),
                new TreeSet<>(json.strings("target_parameters")),
                Version.of(json.stringOr("peft_version", "")));
    }

    private static void requireComputed(ConfigJson json) {
        for (String key : json.keys()) {
            if (!READ.contains(key) && !WITHOUT_EFFECT.contains(key) && !json.isVoid(key)) {
                throw new CheckpointException(json.file(), "%s: is not computed".formatted(Printable.of(key)));
            }
        }
        String bias = json.stringOr("bias", "none");
        if (!bias.equals("none")) {
            throw new CheckpointException(
                    json.file(),
                    "bias: wanted none, found %s: changed biases are not computed".formatted(quoted(bias)));
        }
        if (json.isString("init_lora_weights") && !BEGINNINGS.contains(json.string("init_lora_weights"))) {
            throw new CheckpointException(
                    json.file(),
                    "init_lora_weights: %s changes the model's own weights, which is not computed; save the adapter converted to plain LoRA"
                            .formatted(quoted(json.string("init_lora_weights"))));
        }
    }

    private static String quoted(String text) {
        return Printable.quoted(Printable.brief(text));
    }

    private static List<ByPattern> byPattern(
            ConfigJson json, String key, Expressions expressions, ToDoubleBiFunction<ConfigJson, String> number) {
        List<ByPattern> patterns = new ArrayList<>();
        json.object(key)
                .ifPresent(object -> object.keysInOrder()
                        .forEach(name -> patterns.add(new ByPattern(
                                object.path(name),
                                expressions.whole("(.*\\.)?(" + name + ")", object.path(name)),
                                number.applyAsDouble(object, name)))));
        return patterns;
    }

    /// Returns whether a parameter is adapted.
    ///
    /// @param name its name as the adapter has it: `model.layers.0.mlp.experts.gate_up_proj`
    boolean targetsParameter(String name) {
        return Targets.endsIn(name, parameters).isPresent();
    }

    /// Returns the rank of what is added to a module or parameter.
    int rankOf(String name) {
        return (int) numberOf(name, ranks, rank);
    }

    /// Returns the factor of what is added to a module or parameter.
    float scaleOf(String name) {
        double of = rankOf(name);
        return (float) (numberOf(name, alphas, alpha) / (rankStabilised ? Math.sqrt(of) : of));
    }

    /// Returns the patterns of ranks that hold for none of `names`.
    List<String> unusedRanks(Set<String> names) {
        return unused(ranks, names);
    }

    /// Returns the patterns of alphas that hold for none of `names`.
    List<String> unusedAlphas(Set<String> names) {
        return unused(alphas, names);
    }

    private List<String> unused(List<ByPattern> patterns, Set<String> names) {
        return patterns.stream()
                .filter(each ->
                        names.stream().noneMatch(name -> targets.expressions().matches(each.pattern(), name)))
                .map(ByPattern::key)
                .toList();
    }

    private double numberOf(String name, List<ByPattern> patterns, double otherwise) {
        return patterns.stream()
                .filter(each -> targets.expressions().matches(each.pattern(), name))
                .findFirst()
                .map(ByPattern::number)
                .orElse(otherwise);
    }
}
