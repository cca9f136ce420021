package io.github.steelyard.oracle;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.catalogue.EngineError;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.SelectionRequest;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// Answers a batch of cases. Most ask for a selection; some ask for one part of it: what a name stands for, whether an
/// expert class or a layout is supported, how a size is rounded, which algorithm a module of a mixed checkpoint has.
public final class CaseRunner {

    private final Catalogues catalogues;
    private final String engine;
    private final boolean strict;

    /// @param catalogues the catalogues at hand
    /// @param engine the engine that the cases are about, without a snapshot
    /// @param strict whether to reproduce the engine even where we deliberately differ
    public CaseRunner(Catalogues catalogues, String engine, boolean strict) {
        this.catalogues = catalogues;
        this.engine = engine;
        this.strict = strict;
    }

    /// Answers every case of a file for machines: `{"results": [{"id", …}]}`.
    ///
    /// @throws io.github.steelyard.catalogue.CatalogueException if the file is no case file
    public Object answers(Path file) {
        return run(file);
    }

    ObjectNode run(Path file) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode results = json.putArray("results");
        CaseFile.read(file).forEach(each -> results.add(run(each)));
        return json;
    }

    ObjectNode run(SelectionCase given) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("id", given.id());
        CaseInputs inputs = new CaseInputs(given);
        try {
            json.setAll(answer(given, inputs));
        } catch (IllegalArgumentException e) {
            json.put("error", EngineError.VALUE_ERROR.label());
            json.put("reason", e.getMessage());
        }
        List<String> unread = inputs.unread();
        if (!unread.isEmpty()) {
            json.put("warning", "inputs not read: " + unread);
        }
        return json;
    }

    private ObjectNode answer(SelectionCase given, CaseInputs inputs) {
        if (given.format().equals("modelopt_mixed_resolve")) {
            return mixed(inputs);
        }
        Oracle oracle = new Oracle(catalogue(given));
        SelectionRequest request = inputs.request(given.format(), strict);
        Optional<String> name = inputs.text("map_name");
        Optional<String> expertClass = inputs.text("experts_cls");
        Optional<String> layoutOf = inputs.text("check_backend");
        Optional<String> roundedFor = inputs.text("round_up_for");
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (name.isPresent()) {
            return mapped(oracle.backendsNamed(request, name.get()));
        }
        if (expertClass.isPresent()) {
            Optional<String> reason = oracle.refusal(request, expertClass.get());
            return json.put("supported", reason.isEmpty()).put("reason", reason.orElse(null));
        }
        if (layoutOf.isPresent()) {
            Optional<String> reason = oracle.layoutRefusal(request, layoutOf.get());
            return json.put("incompatible_reason", reason.orElse(null)).put("reason", reason.orElse(null));
        }
        if (roundedFor.isPresent()) {
            MoeLayer.Size size = oracle.rounded(request, roundedFor.get());
            return json.put("rounded_hidden", size.hidden()).put("rounded_inter", size.intermediate());
        }
        return DecisionJson.tree(oracle.select(request));
    }

    private Catalogue catalogue(SelectionCase given) {
        try {
            return catalogues.find(engine + "@" + given.snapshot());
        } catch (IllegalArgumentException e) {
            throw given.fault(String.valueOf(e.getMessage()));
        }
    }

    private static ObjectNode mapped(List<String> backends) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (backends.size() == 1) {
            return json.put("mapped_backend", backends.getFirst());
        }
        ArrayNode all = json.putArray("mapped_backend");
        backends.forEach(all::add);
        return json;
    }

    private ObjectNode mixed(CaseInputs inputs) {
        String prefix = inputs.text("prefix", "");
        Map<String, List<String>> packed = new LinkedHashMap<>();
        inputs.each("packed_modules_mapping", (name, parts) -> packed.put(name, CaseInputs.texts(parts)));
        SequencedMap<String, String> layers = new LinkedHashMap<>();
        inputs.each(
                "quantized_layers",
                (name, layer) -> layers.put(
                        name, layer.isObject() ? layer.path("quant_algo").asText() : layer.asText()));
        String algorithm =
                new MixedPrecision(layers, packed, strict).algorithm(prefix).orElse(null);
        return JsonNodeFactory.instance.objectNode().put("quant_algo", algorithm);
    }
}
