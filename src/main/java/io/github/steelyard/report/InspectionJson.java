package io.github.steelyard.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/// The JSON form of an inspection.
final class InspectionJson {

    private InspectionJson() {}

    static ObjectNode of(Inspection inspection) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("checkpoint", inspection.directory().toString());
        root.put("sound", inspection.isSound());
        inspection.summary().ifPresent(summary -> root.set("summary", node(summary)));
        inspection.model().ifPresent(model -> root.set("model", model.tree()));
        return root;
    }

    private static ObjectNode node(CheckpointSummary summary) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("model_type", summary.modelType());
        node.put("layers", summary.layers());
        node.put("shards", summary.shards());
        node.put("tensors", summary.tensors());
        node.put("bytes", summary.bytes());
        ObjectNode types = node.putObject("bytes_by_type");
        summary.bytesByType().forEach(types::put);
        ArrayNode modules = node.putArray("modules");
        summary.modules()
                .forEach(each -> modules.addObject()
                        .put("name", each.name())
                        .put("stored", each.stored())
                        .put("count", each.count()));
        node.put("quantization", summary.quantization());
        node.put("producer", summary.producer());
        ArrayNode declared = node.putArray("declared");
        summary.declared().forEach(declared::add);
        node.put("kv_cache", summary.kvCache().orElse(null));
        if (summary.fakeQuantised()) {
            node.put("fake_quantised", true);
        }
        return node;
    }
}
