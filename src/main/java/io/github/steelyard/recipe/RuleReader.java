package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Values;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Reads `quant_cfg`: the ordered rules.
public final class RuleReader {

    /// The classes that ModelOpt registers for PyTorch's own modules. Only `nn.Linear` has quantizers in the models
    /// that Steelyard reads; the others are accepted since ModelOpt's default exclusions name them, and match nothing.
    public static final Set<String> CLASSES = Set.of(
            "nn.Linear",
            "nn.Embedding",
            "nn.Conv1d",
            "nn.Conv2d",
            "nn.Conv3d",
            "nn.ConvTranspose1d",
            "nn.ConvTranspose2d",
            "nn.ConvTranspose3d",
            "nn.BatchNorm1d",
            "nn.BatchNorm2d",
            "nn.BatchNorm3d",
            "nn.InstanceNorm1d",
            "nn.InstanceNorm2d",
            "nn.InstanceNorm3d",
            "nn.LayerNorm",
            "nn.LeakyReLU",
            "nn.MaxPool1d",
            "nn.MaxPool2d",
            "nn.MaxPool3d",
            "nn.AvgPool1d",
            "nn.AvgPool2d",
            "nn.AvgPool3d",
            "nn.AdaptiveAvgPool1d",
            "nn.AdaptiveAvgPool2d",
            "nn.AdaptiveAvgPool3d",
            "nn.RNN",
            "nn.LSTM",
            "nn.GRU");

    /// What stands in the place of attributes where the checkpoint's are meant.
    public static final String AS_STORED = "as_stored";

    private RuleReader() {}

    /// @param recipe the file that is not imported
    static List<Rule> rules(String name, Node node, Path recipe) {
        if (!(node instanceof Sequence list)) {
            throw new RecipeException(node.at(), "%s: expected a list of rules, found %s".formatted(name, node.kind()));
        }
        if (list.items().isEmpty()) {
            throw new RecipeException(node.at(), "%s has no rule".formatted(name));
        }
        return list.items().stream().map(item -> rule(item, recipe)).toList();
    }

    private static Rule rule(Node node, Path recipe) {
        Fields fields = Fields.of("quant_cfg", node);
        String pattern = Values.text(fields.path("quantizer_name"), fields.required("quantizer_name"));
        Optional<String> parentClass = fields.text("parent_class");
        parentClass.ifPresent(name -> checkClass(fields, name));
        boolean enable = fields.flag("enable").orElse(true);
        boolean instructs = fields.isWritten("enable");
        instructs |= fields.isWritten("cfg");
        fields.close();
        if (!instructs) {
            throw new RecipeException(
                    node.at(), "rule '%s' has neither cfg nor enable".formatted(Printable.brief(pattern)));
        }
        boolean imported = !node.at().file().equals(recipe);
        boolean asStored = fields.node("cfg").filter(RuleReader::isAsStored).isPresent();
        List<QuantizerConfig> stages = asStored ? List.of() : stages(fields, pattern, enable);
        return new Rule(node.at(), pattern, parentClass, stages, asStored, enable, imported);
    }

    private static List<QuantizerConfig> stages(Fields fields, String pattern, boolean enable) {
        Optional<Node> cfg = fields.node("cfg");
        if (cfg.isEmpty()) {
            return List.of();
        }
        if (isEmpty(cfg.get())) {
            if (!enable) {
                return List.of();
            }
            throw new RecipeException(
                    cfg.get().at(), "rule '%s' is on with an empty cfg".formatted(Printable.brief(pattern)));
        }
        List<Node> items = cfg.get() instanceof Sequence list ? list.items() : List.of(cfg.get());
        List<QuantizerConfig> stages = new ArrayList<>();
        for (Node item : items) {
            stages.add(QuantizerReader.config("cfg", item, enable));
        }
        return stages;
    }

    private static boolean isAsStored(Node cfg) {
        return cfg instanceof Node.Scalar word && word.text().equals(AS_STORED);
    }

    private static boolean isEmpty(Node cfg) {
        return (cfg instanceof Mapping mapping && mapping.entries().isEmpty())
                || (cfg instanceof Sequence list && list.items().stream().allMatch(RuleReader::isEmpty));
    }

    private static void checkClass(Fields fields, String name) {
        if (!CLASSES.contains(name)) {
            throw fields.wrong(
                    "parent_class",
                    fields.required("parent_class"),
                    "one of " + String.join(", ", new TreeSet<>(CLASSES)));
        }
    }
}
