package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.recipe.Algorithm.ActHeadroom;
import io.github.steelyard.recipe.Algorithm.AwqClip;
import io.github.steelyard.recipe.Algorithm.AwqFull;
import io.github.steelyard.recipe.Algorithm.AwqLite;
import io.github.steelyard.recipe.Algorithm.Gptq;
import io.github.steelyard.recipe.Algorithm.Layerwise;
import io.github.steelyard.recipe.Algorithm.LocalHessian;
import io.github.steelyard.recipe.Algorithm.Lsq;
import io.github.steelyard.recipe.Algorithm.Max;
import io.github.steelyard.recipe.Algorithm.Method;
import io.github.steelyard.recipe.Algorithm.Mse;
import io.github.steelyard.recipe.Algorithm.None;
import io.github.steelyard.recipe.Algorithm.NotRun;
import io.github.steelyard.recipe.Algorithm.Search;
import io.github.steelyard.recipe.Algorithm.SmoothQuant;
import io.github.steelyard.recipe.Algorithm.SvdQuant;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Position;
import io.github.steelyard.yaml.Values;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/// Reads `algorithm`: a name, a mapping, or a list of either. Knows every method and option of ModelOpt, so that a
/// misspelt one is told apart from one that Steelyard does not run.
public final class AlgorithmReader {

    private static final int LARGEST = 1 << 20;
    private static final Set<String> SIDES = Set.of("pre", "post");

    /// How each method's options are read.
    private static final Map<String, Function<Fields, Method>> METHODS = new TreeMap<>(Map.ofEntries(
            Map.entry("max", AlgorithmReader::max),
            Map.entry("mse", AlgorithmReader::mse),
            Map.entry("local_hessian", AlgorithmReader::localHessian),
            Map.entry("nvfp4_act_headroom", AlgorithmReader::actHeadroom),
            Map.entry("smoothquant", fields -> new SmoothQuant(fields.number("alpha", 0, 1, 1))),
            Map.entry("awq_lite", AlgorithmReader::awqLite),
            Map.entry("awq_clip", AlgorithmReader::awqClip),
            Map.entry("awq_full", fields -> new AwqFull(awqLite(fields), awqClip(fields))),
            Map.entry("svdquant", AlgorithmReader::svdQuant),
            Map.entry("gptq", AlgorithmReader::gptq),
            Map.entry("lsq", AlgorithmReader::lsq)));

    /// The methods that set scales of weights, of which others start.
    public static final SortedSet<String> SCALE_METHODS = new TreeSet<>(List.of("local_hessian", "max", "mse"));

    private AlgorithmReader() {}

    /// Returns the names of the methods, in alphabetical order.
    public static Set<String> names() {
        return METHODS.keySet();
    }

    /// Returns whether Steelyard runs the method of this name, rather than to refuse it where a plan is made.
    public static boolean isRun(String name) {
        Function<Fields, Method> reader = Objects.requireNonNull(METHODS.get(name), name);
        return !(reader.apply(Fields.empty("", new Position(Path.of(""), 1, 1))) instanceof NotRun);
    }

    static List<Algorithm> algorithms(String path, Node node) {
        if (!(node instanceof Sequence list)) {
            return List.of(algorithm(path, node));
        }
        if (list.items().isEmpty()) {
            throw new RecipeException(node.at(), "%s: the list is empty".formatted(path));
        }
        List<Algorithm> algorithms = new ArrayList<>();
        for (Node item : list.items()) {
            algorithms.add(algorithm(path, item));
        }
        return algorithms;
    }

    private static Algorithm algorithm(String path, Node node) {
        if (Values.isNull(node)) {
            return Algorithm.plain(node.at(), new None());
        }
        if (!(node instanceof Mapping mapping)) {
            return Algorithm.plain(node.at(), method(path, node, Fields.empty(path, node.at())));
        }
        try (Fields fields = Fields.of(path, mapping)) {
            Method method = method(fields);
            OptionalDouble ratio = fields.node("moe_calib_experts_ratio").isPresent()
                    ? OptionalDouble.of(fields.number("moe_calib_experts_ratio", Double.MIN_VALUE, 1, 1))
                    : OptionalDouble.empty();
            SortedSet<String> written = new TreeSet<>(fields.written());
            Layerwise layerwise = fields.mapping("layerwise")
                    .map(nested -> {
                        nested.written().forEach(key -> written.add("layerwise." + key));
                        return layerwise(nested, Layerwise.defaults(method));
                    })
                    .orElse(Layerwise.defaults(method));
            written.removeAll(List.of("method", "layerwise"));
            requireSound(node, method, layerwise, written);
            return new Algorithm(node.at(), method, ratio, layerwise, written);
        }
    }

    /// Refuses what ModelOpt refuses of options together.
    private static void requireSound(Node node, Method method, Layerwise layerwise, SortedSet<String> written) {
        if (written.contains("layerwise.checkpoint_dir") && !layerwise.enable()) {
            throw new RecipeException(node.at(), "layerwise.checkpoint_dir needs layerwise.enable: true");
        }
        if (!layerwise.mutatesWeights() && changesWeights(method)) {
            throw new RecipeException(
                    node.at(),
                    "layerwise.calib_mutates_weights: false, but '%s' changes weights".formatted(method.name()));
        }
    }

    private static boolean changesWeights(Method method) {
        return switch (method) {
            case None none -> true; // as in ModelOpt, which knows of no other
            case Max max -> false;
            case Mse mse -> false;
            case LocalHessian hessian -> false;
            case ActHeadroom headroom -> false;
            case SmoothQuant smooth -> true;
            case AwqLite lite -> true;
            case NotRun refused -> true;
            case Gptq gptq -> true;
            case Lsq lsq -> true;
        };
    }

    /// Reads `method` and its own options.
    private static Method method(Fields fields) {
        return fields.node("method")
                .map(named -> method(fields.path("method"), named, fields))
                .orElseGet(None::new);
    }

    private static Method method(String path, Node named, Fields options) {
        String name = Values.text(path, named);
        Function<Fields, Method> reader = METHODS.get(name);
        if (reader == null) {
            throw new RecipeException(
                    named.at(),
                    "%s: no such method '%s'; known are %s"
                            .formatted(path, Printable.brief(name), String.join(", ", METHODS.keySet())));
        }
        return reader.apply(options);
    }

    private static Layerwise layerwise(Fields fields, Layerwise defaults) {
        try (fields) {
            fields.text("checkpoint_dir");
            fields.integer("save_every", 1, LARGEST);
            return new Layerwise(
                    fields.flag("enable").orElse(defaults.enable()),
                    fields.flag("get_qdq_activations_from_prev_layer").orElse(defaults.quantisedInputs()),
                    fields.flag("calib_mutates_weights").orElse(defaults.mutatesWeights()));
        }
    }

    private static Max max(Fields fields) {
        fields.flag("distributed_sync");
        fields.flag("skip_forward_without_activation_calib");
        return new Max(fields.flag("sync_expert_weight_amax").orElse(false), sharedStates(fields));
    }

    private static Mse mse(Fields fields) {
        fields.flag("distributed_sync");
        return new Mse(search(fields, false), sharedStates(fields));
    }

    private static LocalHessian localHessian(Fields fields) {
        fields.flag("distributed_sync");
        fields.flag("debug");
        return new LocalHessian(search(fields, true), fields.count("block_size", LARGEST, 16), sharedStates(fields));
    }

    private static Search search(Fields fields, boolean sweep) {
        double start = fields.number("start_multiplier", Double.MIN_VALUE, LARGEST, 0.25);
        return new Search(
                start,
                fields.number("stop_multiplier", start, LARGEST, 4),
                fields.number("step_size", 1e-6, LARGEST, 0.1),
                fields.flag("fp8_scale_sweep").orElse(sweep));
    }

    private static ActHeadroom actHeadroom(Fields fields) {
        Method weights = fields.mapping("weight_scale_algorithm")
                .map(AlgorithmReader::nested)
                .orElse(Max.DEFAULT);
        return new ActHeadroom(
                fields.number("anchor_percentile", Double.MIN_VALUE, 100, 1),
                fields.number("upper_percentile", Double.MIN_VALUE, 100, 99.99),
                fields.number("rho", Double.MIN_VALUE, Math.nextDown(28672.0), 16384),
                weights);
    }

    private static AwqLite awqLite(Fields fields) {
        fields.flag("debug");
        return new AwqLite(fields.number("alpha_step", 1e-6, 1, 0.1));
    }

    private static AwqClip awqClip(Fields fields) {
        fields.flag("debug");
        return new AwqClip(
                fields.count("max_co_batch_size", LARGEST, 1024),
                fields.count("max_tokens_per_batch", LARGEST, 64),
                fields.number("min_clip_ratio", Double.MIN_VALUE, 1, 0.5),
                fields.number("shrink_step", 1e-6, 1, 0.05));
    }

    private static SvdQuant svdQuant(Fields fields) {
        return new SvdQuant(fields.count("lowrank", LARGEST, 32), line(fields, "skip_layers"));
    }

    private static Gptq gptq(Fields fields) {
        fields.flag("fused");
        return new Gptq(
                fields.number("perc_damp", Double.MIN_VALUE, 1, 0.01), fields.count("block_size", LARGEST, 128));
    }

    private static Lsq lsq(Fields fields) {
        List<String> learnt = fields.words("learnable_amax");
        if (!SIDES.containsAll(learnt)) {
            throw fields.wrong("learnable_amax", fields.required("learnable_amax"), "pre, post or a list of these");
        }
        if (fields.flag("tied_amax").orElse(false) && Set.copyOf(learnt).size() == 1) {
            throw new RecipeException(
                    fields.at(),
                    fields.path("tied_amax") + ": true needs learnable_amax: [pre, post], or none of both");
        }
        fields.flag("quantize_pre_scale");
        return new Lsq(fields.mapping("scale_algorithm")
                .map(AlgorithmReader::nested)
                .orElseGet(() -> mse(Fields.empty("", fields.at()))));
    }

    private static Method nested(Fields fields) {
        try (fields) {
            String name = Values.text(fields.path("method"), fields.required("method"));
            if (!SCALE_METHODS.contains(name)) {
                throw fields.wrong("method", fields.required("method"), String.join(" or ", SCALE_METHODS));
            }
            return method(fields);
        }
    }

    private static Optional<String> sharedStates(Fields fields) {
        fields.mapping("shared_states").ifPresent(states -> {
            states.mapping("weight_global_amax").ifPresent(state -> {
                state.words("patterns");
                state.close();
            });
            states.close();
        });
        return line(fields, "shared_states");
    }

    private static Optional<String> line(Fields fields, String key) {
        return fields.node(key).map(Node::toString);
    }
}
