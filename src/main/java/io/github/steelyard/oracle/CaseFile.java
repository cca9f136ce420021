package io.github.steelyard.oracle;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.catalogue.CatalogueException;
import io.github.steelyard.files.FileProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A batch of selection cases in JSON: `{"defaults": {…}, "cases": [{"id", "format", "inputs", …}]}`, or a list of
/// cases, or one case.
final class CaseFile {

    private static final long MAX_BYTES = 64L << 20;
    private static final String NEWEST = "head";

    private CaseFile() {}

    static List<SelectionCase> read(Path file) {
        JsonNode root = tree(file);
        JsonNode cases = root.isArray()
                ? root
                : root.has("cases") ? root.get("cases") : List.of(root).getFirst();
        ObjectNode defaults = root.path("defaults") instanceof ObjectNode object ? object : emptyObject();
        List<SelectionCase> read = new ArrayList<>();
        if (cases.isArray()) {
            cases.forEach(node -> read.add(one(file, node, defaults, read.size())));
        } else {
            read.add(one(file, cases, defaults, 0));
        }
        return read;
    }

    private static JsonNode tree(Path file) {
        try {
            FileProblem.irregularity(file).ifPresent(problem -> {
                throw new CatalogueException(file.toString(), 0, problem);
            });
            if (Files.size(file) > MAX_BYTES) {
                throw new CatalogueException(
                        file.toString(), 0, String.format(Locale.ROOT, "larger than %d bytes", MAX_BYTES));
            }
            JsonNode root = JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build()
                    .readTree(Files.readAllBytes(file));
            if (root == null || root.isMissingNode()) {
                throw new CatalogueException(file.toString(), 0, "empty file");
            }
            return root;
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            throw new CatalogueException(file.toString(), line, "not JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new CatalogueException(file.toString(), 0, "cannot be read: " + FileProblem.reason(file, e));
        }
    }

    private static SelectionCase one(Path file, JsonNode node, ObjectNode defaults, int index) {
        String id = node.path("id").asText("case " + index);
        if (!(node.path("inputs") instanceof ObjectNode inputs)
                || !node.path("format").isTextual()) {
            throw new CatalogueException(
                    file.toString(), 0, "%s: expected a 'format', a text, and 'inputs', an object".formatted(id));
        }
        ObjectNode merged = defaults.deepCopy();
        merged.setAll(inputs);
        if (!node.path("mocks").isMissingNode() && !node.path("mocks").isObject()) {
            throw new CatalogueException(file.toString(), 0, "%s: 'mocks' is no object".formatted(id));
        }
        return new SelectionCase(
                file.toString(),
                id,
                node.path("format").asText(),
                node.path("snapshot").asText(NEWEST),
                merged,
                node.path("mocks"),
                node.path("expected"));
    }

    private static ObjectNode emptyObject() {
        return JsonMapper.builder().build().createObjectNode();
    }
}
