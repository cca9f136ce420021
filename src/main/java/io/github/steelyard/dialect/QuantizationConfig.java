package io.github.steelyard.dialect;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.Format;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// What the configs of a checkpoint say about its quantization: `hf_quant_config.json`, and `quantization_config` in
/// `config.json`. Published configs are often incomplete; the tensors decide, and this is what they are held against.
public final class QuantizationConfig {

    /// Who wrote the config, and so which tensors belong to a format.
    public enum Method {
        /// No config: the checkpoint claims not to be quantised.
        NONE,
        /// NVIDIA ModelOpt.
        MODELOPT,
        /// compressed-tensors, as llm-compressor writes it.
        COMPRESSED_TENSORS,
        /// DeepSeek and Hugging Face FP8.
        FP8,
        /// MXFP8 under DeepSeek's names.
        MXFP8,
        /// gpt-oss MXFP4.
        MXFP4,
        /// Intel AutoRound.
        AUTO_ROUND,
        /// AMD Quark.
        QUARK,
        /// A config that is not understood: [#problem] says why.
        UNKNOWN;

        /// Returns whether such configs name only a part of what is not quantised: routers, head and norms are left
        /// out of the lists, and lists speak of parts that the checkpoint does not have.
        public boolean listsLoosely() {
            return switch (this) {
                case FP8, MXFP8, MXFP4, AUTO_ROUND, QUARK -> true;
                case NONE, MODELOPT, COMPRESSED_TENSORS, UNKNOWN -> false;
            };
        }
    }

    private static final String METHODS =
            "one of modelopt, compressed-tensors, fp8, mxfp8, mxfp4, auto-round (FP8, MX and NVFP4), quark (FP8, MXFP4)";

    private final Method method;
    private final String producer;
    private final ModuleRules overriding;
    private final ModuleRules excluded;
    private final ModuleRules assigned;
    private final Optional<Declaration> others;
    private final Optional<String> kvCache;
    private final List<Finding> findings;
    private final Optional<CheckpointException> problem;

    QuantizationConfig(
            Method method,
            String producer,
            ModuleRules excluded,
            ModuleRules assigned,
            Optional<Declaration> others,
            Optional<String> kvCache,
            List<Finding> findings) {
        this(
                method,
                producer,
                new ModuleRules(Path.of(""), ModuleRules.Names.EXACT),
                excluded,
                assigned,
                others,
                kvCache,
                findings,
                Optional.empty());
    }

    QuantizationConfig(
            Method method,
            String producer,
            ModuleRules overriding,
            ModuleRules excluded,
            ModuleRules assigned,
            Optional<Declaration> others,
            Optional<String> kvCache,
            List<Finding> findings,
            Optional<CheckpointException> problem) {
        this.problem = problem;
        this.overriding = overriding;
        this.method = method;
        this.producer = producer;
        this.excluded = excluded;
        this.assigned = assigned;
        this.others = others;
        this.kvCache = kvCache;
        this.findings = List.copyOf(findings);
    }

    /// Reads the quantization part of both configs. What is not understood is no exception but [#problem], so that a
    /// checkpoint can be shown whatever it declares.
    ///
    /// @param config `config.json`
    /// @param separate `hf_quant_config.json`, if there is one
    public static QuantizationConfig of(ConfigJson config, Optional<ConfigJson> separate) {
        try {
            return read(config, separate);
        } catch (CheckpointException e) {
            ModuleRules empty = new ModuleRules(config.file(), ModuleRules.Names.EXACT);
            return new QuantizationConfig(
                    Method.UNKNOWN,
                    "",
                    empty,
                    empty,
                    empty,
                    Optional.empty(),
                    Optional.empty(),
                    List.of(),
                    Optional.of(e));
        }
    }

    private static QuantizationConfig read(ConfigJson config, Optional<ConfigJson> separate) {
        Optional<ConfigJson> embedded = embedded(config);
        QuantizationConfig fromConfig = embedded.map(QuantizationConfig::parse).orElseGet(() -> none(config));
        if (separate.isEmpty()) {
            return fromConfig;
        }
        QuantizationConfig fromSeparate = ModelOptConfig.parse(separate.get());
        return fromConfig.method == Method.NONE
                ? fromSeparate
                : new TwoConfigs(separate.get(), fromSeparate, fromConfig).merged();
    }

    /// Returns what `config.json` itself holds, if it holds anything.
    public static Optional<ConfigJson> embedded(ConfigJson config) {
        for (String key : List.of("quantization_config", "compression_config")) {
            if (config.has(key)) {
                return config.object(key);
            }
        }
        return config.textModel().object("quantization_config");
    }

    private static QuantizationConfig parse(ConfigJson embedded) {
        String method =
                embedded.stringOr("quant_method", embedded.has("config_groups") ? "compressed-tensors" : "modelopt");
        return switch (method) {
            case "modelopt", "modelopt_fp4", "modelopt_mixed", "modelopt_mxfp8" -> ModelOptConfig.parse(embedded);
            case "compressed-tensors" -> CompressedTensorsConfig.parse(embedded);
            case "fp8" -> Fp8Config.parseFp8(embedded);
            case "mxfp8" -> Fp8Config.parseMxfp8(embedded);
            case "mxfp4" -> Fp8Config.parseMxfp4(embedded);
            case "auto-round" -> AutoRoundConfig.parse(embedded);
            case "quark" -> QuarkConfig.parse(embedded);
            default -> throw embedded.unsuitable("quant_method", METHODS);
        };
    }

    private static QuantizationConfig none(ConfigJson config) {
        ModuleRules empty = new ModuleRules(config.file(), ModuleRules.Names.EXACT);
        return new QuantizationConfig(Method.NONE, "", empty, empty, Optional.empty(), Optional.empty(), List.of());
    }

    /// Returns the rules about modules that are not quantised.
    ModuleRules excluded() {
        return excluded;
    }

    /// Returns the rules about modules that are.
    ModuleRules assigned() {
        return assigned;
    }

    /// Returns who wrote the config.
    public Method method() {
        return method;
    }

    /// Returns name and version of the program that wrote it, empty if it does not say.
    public String producer() {
        return producer;
    }

    /// Returns what is declared for a linear module, empty if the checkpoint has no quantization config.
    ///
    /// @throws CheckpointException if a pattern of the config takes too long on this name
    public Optional<Declaration> declarationOf(String module) {
        return overriding
                .find(module)
                .or(() -> excluded.find(module))
                .or(() -> assigned.find(module))
                .or(() -> others);
    }

    /// Returns what is declared for the modules that no name and no pattern covers.
    public Optional<Declaration> others() {
        return others;
    }

    /// Returns the format declared for the key and value cache, in capitals: `FP8`, `NVFP4`.
    public Optional<String> kvCache() {
        return kvCache;
    }

    /// Returns that format; empty if none is declared, or one that is not read.
    public Optional<Format> cacheFormat() {
        return kvCache.flatMap(name -> Stream.of(Format.FP8, Format.NVFP4)
                .filter(format -> format.name().equalsIgnoreCase(name))
                .findFirst());
    }

    /// Returns the names and patterns of the config that match none of `modules`, sorted.
    public List<String> unmatched(Set<String> modules) {
        TreeSet<String> all = new TreeSet<>(excluded.unmatched(modules));
        all.addAll(assigned.unmatched(modules));
        all.addAll(overriding.unmatched(modules));
        return List.copyOf(all);
    }

    /// Returns the labels of what the config declares, by format.
    public List<String> labels() {
        return Stream.of(others.stream(), assigned.declarations().stream(), overriding.declarations().stream())
                .flatMap(declarations -> declarations)
                .filter(declaration -> declaration.format() != Format.PLAIN)
                .sorted(Comparator.comparing(Declaration::format).thenComparing(Declaration::label))
                .map(Declaration::label)
                .distinct()
                .toList();
    }

    /// Returns why the configs are not understood, empty if they are.
    public Optional<CheckpointException> problem() {
        return problem;
    }

    /// Refuses configs that are not understood: nothing is computed from what was only guessed.
    ///
    /// @throws CheckpointException with the file, the key, and what is supported
    public void requireUnderstood() {
        if (problem.isPresent()) {
            throw problem.get();
        }
    }

    /// Returns what is odd about the configs.
    public List<Finding> findings() {
        return findings;
    }
}
