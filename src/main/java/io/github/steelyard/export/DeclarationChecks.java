package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.DeclaredFormat;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import io.github.steelyard.weights.WeightTensors.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Holds what the configs say against the tensors that are there.
final class DeclarationChecks {

    private static final List<String> SCALE_SUFFIXES = List.of(
            ".weight_scale",
            ".weight_scale_2",
            ".weight_scale_inv",
            ".weight_global_scale",
            ".input_scale",
            ".input_global_scale",
            ".activation_scale",
            ".weight_zero_point",
            "_weight_scale",
            "_weight_scale_2",
            "_input_scale");

    private static final Set<String> NEVER_QUANTISED = Set.of("lm_head", "gate", "router");

    /// Names of heads that may have no tensor of their own.
    private static final List<String> TIED_HEADS = List.of("lm_head", "language_model.lm_head", "thinker.lm_head");

    private final Checkpoint checkpoint;
    private final QuantizationConfig config;
    private final NavigableMap<String, StoredModule> modules;
    private final Findings findings;

    DeclarationChecks(Checkpoint checkpoint, NavigableMap<String, StoredModule> modules, Findings findings) {
        this.checkpoint = checkpoint;
        this.config = checkpoint.quantization();
        this.modules = modules;
        this.findings = findings;
    }

    void check() {
        findings.addAll(config.findings());
        modules.values().forEach(this::checkModule);
        checkPatterns();
        checkTexts();
        checkOrphans();
    }

    /// Checks that every module is there in the format that was planned.
    void checkExpected(Declaration expected) {
        for (Map.Entry<String, LayerFormat> layer : expected.layers().entrySet()) {
            List<StoredModule> written = written(layer.getKey());
            if (written.isEmpty()) {
                findings.error("module-missing", layer.getKey(), "planned, but its weight was not written");
            }
            written.stream()
                    .filter(module ->
                            !layer.getValue().isStoredAs(module.tensors().kind()))
                    .forEach(module -> findings.error(
                            "format-differs",
                            module.name(),
                            "planned as %s, written as %s"
                                    .formatted(
                                            layer.getValue().algorithm(),
                                            module.tensors().kind())));
        }
        if (!config.kvCache().equals(expected.kvCache())) {
            findings.error(
                    "cache-differs",
                    "kv_cache_quant_algo",
                    "planned %s, declared %s"
                            .formatted(
                                    expected.kvCache().orElse("none"),
                                    config.kvCache().orElse("none")));
        }
    }

    /// Returns the module of this name, or the tensors of all experts that it holds.
    private List<StoredModule> written(String name) {
        StoredModule module = modules.get(name);
        return module != null
                ? List.of(module)
                : modules.values().stream()
                        .filter(StoredModule::isStack)
                        .filter(stack -> parent(stack.name()).equals(name))
                        .toList();
    }

    private void checkModule(StoredModule module) {
        DeclaredFormat declared = config.formatOf(module.name()).orElse(DeclaredFormat.NONE);
        Kind kind = module.tensors().kind();
        if (!agrees(declared, module) && (module.isQuantised() || isServedQuantised(module))) {
            findings.error(
                    "format-undeclared",
                    module.name(),
                    "the config declares %s, the tensors are %s".formatted(declared, kind));
        } else if (module.isQuantised()
                && needsInputScale(declared)
                && module.inputScale().isEmpty()) {
            findings.error(
                    "input-scale-missing",
                    module.name(),
                    "declared %s, which needs a static input scale, and has none".formatted(declared));
        }
    }

    private static boolean agrees(DeclaredFormat declared, StoredModule module) {
        Kind kind = module.tensors().kind();
        boolean oneScale = module.tensors()
                .scale()
                .map(scale -> scale.shape().elements() == 1)
                .orElse(false);
        return switch (declared) {
            case NONE -> kind == Kind.PLAIN;
            case FP8 -> kind == Kind.FP8_TENSOR;
            case FP8_CHANNEL -> kind == Kind.FP8_CHANNEL || (kind == Kind.FP8_TENSOR && oneScale);
            case FP8_BLOCK -> kind == Kind.FP8_BLOCK || (kind == Kind.FP8_TENSOR && oneScale);
            case NVFP4, W4A16_NVFP4 -> module.isNvfp4();
            case MXFP4 -> kind == Kind.MXFP4;
            case MXFP8 -> kind == Kind.MXFP8;
            case INT4, INT8 -> kind == Kind.INT_PACKED;
        };
    }

    private boolean needsInputScale(DeclaredFormat declared) {
        boolean modelOpt = config.method() == QuantizationConfig.Method.MODELOPT;
        return declared == DeclaredFormat.NVFP4 || (declared == DeclaredFormat.FP8 && modelOpt);
    }

    /// Configs speak of linear layers; an embedding table has the same form and is none. Publishers' own configs do not
    /// name routers and the head either, which no server takes for quantised.
    private boolean isServedQuantised(StoredModule module) {
        String leaf =
                module.name().substring(module.name().lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        boolean publishers = config.method().listsLoosely();
        return !leaf.contains("embed")
                && !leaf.equals("wte")
                && !leaf.equals("wpe")
                && !(publishers && NEVER_QUANTISED.contains(leaf));
    }

    private void checkPatterns() {
        Set<String> names = new HashSet<>(modules.keySet());
        checkpoint.tensors().keySet().forEach(tensor -> names.add(parent(tensor)));
        ConfigJson text = checkpoint.config().textModel();
        if (text.flag("tie_word_embeddings", checkpoint.config().flag("tie_word_embeddings", false))) {
            names.addAll(TIED_HEADS);
        }
        for (String pattern : config.unmatched(names)) {
            String problem = "the config names it, and no module of the checkpoint has such a name";
            if (config.method().listsLoosely()) {
                findings.warning("pattern-unmatched", Printable.of(pattern), problem);
            } else {
                findings.error("pattern-unmatched", Printable.of(pattern), problem);
            }
        }
    }

    /// Entries that no module name can match because of a control character in them. The checkpoint's reader cuts them
    /// off there and so still finds the module that was meant; servers do not.
    private void checkTexts() {
        List<ConfigJson> configs = new ArrayList<>();
        checkpoint
                .json("hf_quant_config.json")
                .flatMap(file -> file.object("quantization"))
                .ifPresent(configs::add);
        checkpoint.config().object("quantization_config").ifPresent(configs::add);
        Set<String> corrupt = new TreeSet<>();
        for (ConfigJson config : configs) {
            for (String key : List.of("exclude_modules", "ignore")) {
                config.strings(key).stream()
                        .filter(text -> text.chars().anyMatch(Character::isISOControl))
                        .forEach(corrupt::add);
            }
        }
        corrupt.forEach(text -> findings.error(
                "pattern-corrupt",
                Printable.of(text),
                "the config excludes it, and no module has such a name: a server takes the module for quantised"));
    }

    /// Scales beside a weight that is not quantised, or beside none.
    private void checkOrphans() {
        for (String tensor : checkpoint.tensors().keySet()) {
            for (String suffix : SCALE_SUFFIXES) {
                if (tensor.endsWith(suffix)) {
                    String name = tensor.substring(0, tensor.length() - suffix.length());
                    Optional<StoredModule> module = Optional.ofNullable(modules.get(name));
                    if (module.isPresent() && !module.get().isQuantised()) {
                        findings.error("scale-orphan", tensor, "the weight beside it is not quantised");
                    } else if (module.isEmpty() && !checkpoint.has(name)) {
                        findings.error("scale-orphan", tensor, "there is no weight beside it");
                    }
                }
            }
        }
    }

    private static String parent(String tensor) {
        return tensor.substring(0, Math.max(tensor.lastIndexOf('.'), 0));
    }
}
