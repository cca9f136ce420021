package io.github.steelyard.oracle;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Visibility;
import java.util.List;

/// The JSON form of a decision: `backend`, `experts`, `error`, `reason`, `rejected`, and what else is known.
public final class DecisionJson {

    private DecisionJson() {}

    /// Returns the tree of a decision.
    public static Object of(Decision decision) {
        return tree(decision);
    }

    /// Returns the tree of a decision with the launch that would show the w2 input.
    public static Object of(Decision decision, FakeQuantLaunch launch) {
        ObjectNode json = tree(decision);
        ObjectNode flags = json.putObject("fake_quant_launch");
        flags.put("complete", launch.complete());
        flags.set("flags", texts(launch.flags()));
        flags.set("advice", texts(launch.advice()));
        return json;
    }

    static ObjectNode tree(Decision decision) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        switch (decision) {
            case Selection selection -> {
                json.put("backend", selection.backend());
                json.put("experts", selection.experts().orElse(null));
                json.putNull("error");
                json.putNull("reason");
                json.put("monolithic", selection.monolithic());
                json.set("w13_input", visibility(selection.w13Input()));
                json.set("w2_input", visibility(selection.w2Input()));
                json.put("input_scales", selection.inputScales().word());
            }
            case Refusal refusal -> {
                json.putNull("backend");
                json.putNull("experts");
                json.put("error", refusal.kind().label());
                json.put("reason", refusal.reason());
            }
        }
        json.put("source", decision.choice().map(Choice::source).orElse("auto"));
        json.set("candidates", texts(decision.candidates()));
        ArrayNode rejected = json.putArray("rejected");
        for (Rejection each : decision.rejected()) {
            rejected.addObject()
                    .put("backend", each.backend())
                    .put("experts", each.experts().orElse(null))
                    .put("reason", each.reason());
        }
        json.set("notes", texts(decision.notes()));
        return json;
    }

    private static ObjectNode visibility(Visibility visibility) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("visibility", visibility.degree().word())
                .put("observable", visibility.observable())
                .put("why", visibility.why());
    }

    private static ArrayNode texts(List<String> texts) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        texts.forEach(array::add);
        return array;
    }
}
