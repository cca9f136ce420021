package io.github.steelyard.dialect;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads the `quantization_config` of compressed-tensors: groups of targets with the arguments of their quantizers.
///
/// Source: COMPRESSED-TENSORS (see `docs/SOURCES.md`).
final class CompressedTensorsConfig {

    private static final int LARGEST_GROUP = 1 << 20;

    /// Formats of integers of one byte each.
    private static final Set<String> UNPACKED = Set.of("int-quantized", "naive-quantized");

    private CompressedTensorsConfig() {}

    static QuantizationConfig parse(ConfigJson json) {
        String version = json.stringOr("version", "");
        return parse(
                json,
                QuantizationConfig.Method.COMPRESSED_TENSORS,
                version.isEmpty() ? "" : "compressed-tensors " + version);
    }

    static QuantizationConfig parse(ConfigJson json, QuantizationConfig.Method method, String producer) {
        ModuleRules excluded = new ModuleRules(json.file(), ModuleRules.Names.EXACT);
        Declaration none = Declaration.of(Format.PLAIN, ModelOptConfig.source(json, "ignore"));
        List<Finding> findings = new ArrayList<>();
        for (String pattern : json.strings("ignore")) {
            excluded.addRegex(pattern, none);
            if (!pattern.startsWith("re:") && pattern.indexOf('*') >= 0) {
                findings.add(Finding.warning(
                        "pattern-is-glob",
                        pattern,
                        "%s: ignore: %s matches nothing: compressed-tensors knows names and 're:' expressions only"
                                .formatted(Printable.of(json.file()), Printable.quoted(pattern))));
            }
        }
        Groups groups = new Groups(json);
        groups.read();
        return new QuantizationConfig(
                method,
                producer,
                excluded,
                groups.assigned,
                Optional.of(groups.byClass.orElse(
                        Declaration.of(Format.PLAIN, ModelOptConfig.source(json, "config_groups")))),
                json.isString("kv_cache_scheme")
                        ? Optional.of(json.string("kv_cache_scheme"))
                        : json.object("kv_cache_scheme").map(ModelOptConfig::kvScheme),
                findings);
    }

    /// The groups read so far.
    private static final class Groups {

        private final ConfigJson json;
        private final ModuleRules assigned;
        private Optional<Declaration> byClass = Optional.empty();

        Groups(ConfigJson json) {
            this.json = json;
            this.assigned = new ModuleRules(json.file(), ModuleRules.Names.EXACT);
        }

        void read() {
            ConfigJson groups = json.object("config_groups")
                    .orElseThrow(() -> json.unsuitable("config_groups", "an object with groups of targets"));
            for (String name : groups.keys()) {
                if (groups.isArray(name)) {
                    assign(groups.strings(name), preset(groups, name));
                } else {
                    ConfigJson group = groups.object(name)
                            .orElseThrow(() -> groups.unsuitable(name, "an object with targets and weights"));
                    assign(group.strings("targets"), declaration(group));
                }
            }
        }

        private void assign(List<String> targets, Declaration declaration) {
            for (String target : targets) {
                if (target.equals("Linear")) {
                    byClass = Optional.of(byClass.orElse(declaration));
                } else {
                    assigned.addRegex(target, declaration);
                }
            }
        }

        /// Returns what a group says whose name is that of a preset and whose value is the list of its targets.
        private static Declaration preset(ConfigJson groups, String name) {
            String source = ModelOptConfig.source(groups, name);
            return switch (name) {
                case "FP8" -> Declaration.of(Format.FP8, source);
                case "FP8_DYNAMIC" -> Declaration.of(Format.FP8_PER_CHANNEL, source);
                case "FP8_BLOCK" -> Declaration.of(Format.FP8_BLOCK, source).withBlock(128, 128);
                case "NVFP4" -> Declaration.of(Format.NVFP4, source);
                case "NVFP4A16" -> Declaration.of(Format.NVFP4, source).withInput(Declaration.Input.NONE);
                case "MXFP4" -> Declaration.of(Format.MXFP4, source).withInput(Declaration.Input.DYNAMIC);
                case "MXFP4A16" -> Declaration.of(Format.MXFP4, source);
                case "MXFP8" -> Declaration.of(Format.MXFP8, source);
                case "MXFP8A16" -> Declaration.of(Format.MXFP8, source).withInput(Declaration.Input.NONE);
                case "W4A16" -> Declaration.of(Format.INT4, source).withGroupSize(128);
                case "W8A8", "INT8" ->
                    Declaration.of(Format.INT8_PER_CHANNEL, source).withInput(Declaration.Input.DYNAMIC);
                default -> throw groups.unsuitable(name, "a known preset, or an object with targets and weights");
            };
        }

        private Declaration declaration(ConfigJson group) {
            String source = ModelOptConfig.source(group, "weights");
            Optional<ConfigJson> weights = group.object("weights");
            if (weights.isEmpty()) {
                return Declaration.of(Format.PLAIN, source);
            }
            ConfigJson args = weights.get();
            String format = group.stringOr("format", json.stringOr("format", ""));
            boolean inputs = group.has("input_activations");
            String type = args.stringOr("type", "int");
            int bits = args.integer("num_bits", 1, 64);
            int groupSize = args.integerOr("group_size", 0, -1, LARGEST_GROUP);
            if (type.equals("float") && bits == 4) {
                return fourBit(args, format, groupSize, source).withInput(input(group));
            }
            if (type.equals("float") && bits == 8) {
                return eightBit(args, format, groupSize, source).withInput(input(group));
            }
            if (type.equals("int") && (bits == 4 || bits == 8) && format.startsWith("pack-quantized") && !inputs) {
                return Declaration.of(bits == 4 ? Format.INT4 : Format.INT8_GROUPS, source)
                        .withGroupSize(Math.max(groupSize, 0))
                        .withZeroPoints(!args.flag("symmetric", true));
            }
            if (type.equals("int") && bits == 8 && UNPACKED.contains(format) && args.flag("symmetric", true)) {
                return oneByte(args, source).withInput(input(group));
            }
            throw args.unsuitable(
                    "num_bits",
                    "4 or 8 bits of type float, 4 or 8 bits of type int in the format pack-quantized without"
                            + " input_activations, or 8 symmetric ones in the format int-quantized; other weights of type %s cannot be read"
                                    .formatted(Printable.quoted(type)));
        }

        private static Declaration oneByte(ConfigJson args, String source) {
            return switch (args.stringOr("strategy", "tensor")) {
                case "tensor" -> Declaration.of(Format.INT8, source);
                case "channel" -> Declaration.of(Format.INT8_PER_CHANNEL, source);
                default -> throw args.unsuitable("strategy", "tensor or channel");
            };
        }

        private static Declaration.Input input(ConfigJson group) {
            return group.object("input_activations")
                    .map(args -> args.isString("dynamic") || !args.flag("dynamic", false)
                            ? Declaration.Input.STATIC
                            : Declaration.Input.DYNAMIC)
                    .orElse(Declaration.Input.NONE);
        }

        private static Declaration fourBit(ConfigJson args, String format, int groupSize, String source) {
            boolean mx = format.startsWith("mxfp4")
                    || args.stringOr("scale_dtype", "").endsWith("uint8");
            return Declaration.of(mx ? Format.MXFP4 : Format.NVFP4, source).withGroupSize(Math.max(groupSize, 0));
        }

        private static Declaration eightBit(ConfigJson args, String format, int groupSize, String source) {
            String strategy = args.stringOr("strategy", "tensor");
            return switch (strategy) {
                case "tensor" -> Declaration.of(Format.FP8, source);
                case "channel" -> Declaration.of(Format.FP8_PER_CHANNEL, source);
                case "block" -> {
                    int[] block = Fp8Config.block(args, "block_structure");
                    yield Declaration.of(Format.FP8_BLOCK, source).withBlock(block[0], block[1]);
                }
                case "group" -> {
                    if (!format.startsWith("mxfp8")
                            && !args.stringOr("scale_dtype", "").endsWith("uint8")) {
                        throw args.unsuitable("strategy", "group for the format mxfp8-quantized only");
                    }
                    yield Declaration.of(Format.MXFP8, source).withGroupSize(Math.max(groupSize, 0));
                }
                default -> throw args.unsuitable("strategy", "tensor, channel, block or group");
            };
        }
    }
}
