package io.github.steelyard.recipe;

import io.github.steelyard.quant.AmaxSource;
import io.github.steelyard.quant.BlockSizes;
import io.github.steelyard.quant.NumBits;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Values;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// Reads one `cfg` mapping: the attributes of a quantizer.
final class QuantizerReader {

    private static final Pattern AXIS = Pattern.compile("-?[0-9]{1,2}");

    /// Attributes that are true or false, with their default.
    private static final Map<String, Boolean> FLAGS = Map.of(
            "fake_quant", true,
            "unsigned", false,
            "narrow_range", false,
            "learn_amax", false,
            "pass_through_bwd", true);

    private enum Timing {
        STATIC,
        DYNAMIC
    }

    private enum BiasMethod {
        MEAN,
        MAX_MIN
    }

    private enum RotationMode {
        ROTATE,
        ROTATE_BACK
    }

    private QuantizerReader() {}

    static QuantizerConfig config(String name, Node node, boolean enable) {
        try (Fields fields = Fields.of(name, node)) {
            boolean own = fields.flag("enable").orElse(true);
            if (fields.keys().equals(Set.of("enable")) && own) {
                throw new RecipeException(
                        node.at(),
                        "%s says only 'enable: true'; name the attributes, at least num_bits".formatted(name));
            }
            if (!own && enable) {
                throw new RecipeException(
                        node.at(),
                        "%s: 'enable: false' inside cfg has no effect in ModelOpt; write it beside cfg"
                                .formatted(name));
            }
            NumBits numBits = fields.node("num_bits")
                    .map(bits -> numBits(fields.path("num_bits"), bits))
                    .orElse(new NumBits.Whole(8));
            Optional<BlockSizes> blocks = fields.mapping("block_sizes").map(QuantizerReader::blockSizes);
            boolean dynamic = fields.choice("type", Timing.values()).orElse(Timing.STATIC) == Timing.DYNAMIC;
            return new QuantizerConfig(
                    enable, numBits, fields.integers("axis"), blocks, dynamic, amax(fields), others(fields));
        } catch (IllegalArgumentException e) {
            throw new RecipeException(node.at(), "%s: %s".formatted(name, e.getMessage()));
        }
    }

    private static AmaxSource amax(Fields fields) {
        Optional<Double> constant = fields.number("constant_amax");
        boolean range = fields.flag("use_constant_amax").orElse(false);
        if (constant.isPresent() && range) {
            throw new RecipeException(
                    fields.at(),
                    "%s excludes use_constant_amax: give one of them".formatted(fields.path("constant_amax")));
        }
        if (constant.isPresent()) {
            return new AmaxSource.Constant(constant.get().floatValue());
        }
        return range ? new AmaxSource.CodeRange() : new AmaxSource.Measured();
    }

    private static NumBits numBits(String path, Node node) {
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.TEXT) {
            return NumBits.floating(scalar.text())
                    .orElseThrow(() -> new RecipeException(
                            node.at(), "%s: expected a code like e4m3, found %s".formatted(path, node.kind())));
        }
        if (node instanceof Sequence pair && pair.items().size() == 2) {
            return new NumBits.Floating(
                    small(path, pair.items().getFirst()),
                    small(path, pair.items().getLast()));
        }
        return new NumBits.Whole(small(path, node));
    }

    private static int small(String path, Node node) {
        long value = Values.integer(path, node);
        if (value < 0 || value > 64) {
            throw new RecipeException(node.at(), String.format(Locale.ROOT, "%s: no code has %d bits", path, value));
        }
        return (int) value;
    }

    private static BlockSizes blockSizes(Fields fields) {
        SortedMap<Integer, OptionalInt> sizes = new TreeMap<>();
        for (String key : fields.keys()) {
            if (AXIS.matcher(key).matches()) {
                OptionalInt size = fields.integer(key, 1, Integer.MAX_VALUE)
                        .map(value -> OptionalInt.of(value.intValue()))
                        .orElse(OptionalInt.empty());
                sizes.put(Integer.parseInt(key), size);
            }
        }
        boolean dynamic = fields.choice("type", Timing.values()).orElse(Timing.STATIC) == Timing.DYNAMIC;
        Optional<NumBits> scaleBits = fields.node("scale_bits").map(bits -> numBits(fields.path("scale_bits"), bits));
        boolean fourOverSix = fourOverSix(fields);
        fields.mapping("scale_block_sizes");
        fields.close();
        return new BlockSizes(sizes, dynamic, scaleBits, fourOverSix);
    }

    /// ModelOpt writes a number where it dumps what it has read.
    private static boolean fourOverSix(Fields fields) {
        Optional<String> word = fields.word("four_over_six");
        return word.equals(Optional.of("1"))
                || (!word.equals(Optional.of("0"))
                        && fields.flag("four_over_six").orElse(false));
    }

    /// Returns the attributes that have no component of their own in the record, where they differ from their default.
    private static SortedMap<String, String> others(Fields fields) {
        SortedMap<String, String> others = new TreeMap<>();
        FLAGS.forEach((name, normal) -> fields.flag(name)
                .filter(value -> !value.equals(normal))
                .ifPresent(value -> others.put(name, value.toString())));
        if (others.containsKey("learn_amax")) {
            throw new RecipeException(
                    fields.at(), "%s: ModelOpt no longer accepts true".formatted(fields.path("learn_amax")));
        }
        fields.number("effective_bits").ifPresent(bits -> {
            if (!(bits > 0 && bits <= 16)) {
                throw fields.wrong("effective_bits", fields.required("effective_bits"), "a number in (0, 16]");
            }
            others.put("effective_bits", bits.toString());
        });
        oneOf(fields, "trt_high_precision_dtype", Set.of("Float", "Half", "BFloat16"), "Float", others);
        if (fields.node("calibrator").filter(Scalar.class::isInstance).isPresent()) {
            oneOf(fields, "calibrator", Set.of("max", "histogram"), "max", others);
        } else {
            fields.node("calibrator").ifPresent(node -> others.put("calibrator", node.toString()));
        }
        fields.mapping("bias").ifPresent(bias -> others.put("bias", checkedBias(bias)));
        rotation(fields).ifPresent(rotation -> others.put("rotate", rotation));
        fields.text("backend").ifPresent(backend -> others.put("backend", backend));
        fields.mapping("backend_extra_args").ifPresent(extra -> others.put("backend_extra_args", extra.toString()));
        fields.mapping("block_sizes")
                .flatMap(blocks -> blocks.node("scale_block_sizes"))
                .ifPresent(node -> others.put("block_sizes.scale_block_sizes", node.toString()));
        return others;
    }

    private static void oneOf(
            Fields fields, String name, Set<String> values, String normal, SortedMap<String, String> others) {
        fields.text(name).ifPresent(value -> {
            if (!values.contains(value)) {
                throw fields.wrong(name, fields.required(name), String.join(" or ", new TreeSet<>(values)));
            }
            if (!value.equals(normal)) {
                others.put(name, value);
            }
        });
    }

    private static String checkedBias(Fields bias) {
        bias.choice("type", Timing.values());
        bias.choice("method", BiasMethod.values());
        long axes = bias.keys().stream()
                .filter(key -> AXIS.matcher(key).matches())
                .peek(bias::isWritten)
                .count();
        bias.close();
        if (axes == 0) {
            throw new RecipeException(bias.at(), "bias names no axis");
        }
        return bias.toString();
    }

    private static Optional<String> rotation(Fields fields) {
        Optional<Node> node = fields.node("rotate");
        if (node.isPresent() && node.get() instanceof Mapping mapping) {
            Fields rotate = Fields.of(fields.path("rotate"), mapping);
            boolean on = rotate.flag("enable").orElse(false);
            rotate.choice("mode", RotationMode.values());
            rotate.flag("rotate_fp32");
            rotate.integer("block_size", 1, Integer.MAX_VALUE);
            rotate.close();
            return on ? Optional.of(mapping.toString()) : Optional.empty();
        }
        return fields.flag("rotate").filter(on -> on).map(on -> "true");
    }
}
