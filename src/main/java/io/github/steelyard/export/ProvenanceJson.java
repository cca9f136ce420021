package io.github.steelyard.export;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.census.LauncherState;
import io.github.steelyard.declare.LauncherQuantizer;
import io.github.steelyard.layout.ModuleExport;
import io.github.steelyard.run.Provenance;
import java.util.List;
import java.util.Map;

/// `steelyard.json`: where every scale of an output comes from. Without time and machine, so that equal inputs give
/// equal files.
final class ProvenanceJson {

    /// Name of the file.
    static final String FILE_NAME = LauncherState.PROVENANCE;

    /// How it names this program.
    static final String TOOL = "steelyard";

    private ProvenanceJson() {}

    /// Returns the content.
    ///
    /// @param inputs what the output was made from, by name: digests and paths
    /// @param modules what became of each module; empty for an output without weights
    /// @param quantizers those of ModelOpt's launcher; empty for any other output
    static ObjectNode of(
            Map<String, String> inputs,
            ScaleTable scales,
            List<ModuleExport> modules,
            List<LauncherQuantizer> quantizers) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("schema", 1);
        json.putObject("tool").put("name", TOOL).put("version", Provenance.version());
        ObjectNode from = json.putObject("inputs");
        inputs.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(entry -> from.put(entry.getKey(), entry.getValue()));
        ObjectNode sites = json.putObject("scales");
        scales.scales()
                .values()
                .forEach(scale -> describe(sites.putObject(scale.site().name()), scale));
        if (!modules.isEmpty()) {
            ObjectNode treated = json.putObject("modules");
            modules.forEach(module -> treated.put(module.module(), label(module)));
        }
        if (!quantizers.isEmpty()) {
            ObjectNode served = json.putObject(LauncherState.QUANTIZERS);
            quantizers.forEach(quantizer -> quantizer
                    .sites()
                    .forEach(site -> served.putObject(site.name())
                            .put(LauncherState.FORMAT, quantizer.format().name())
                            .put(LauncherState.AMAX, quantizer.amax())));
        }
        return json;
    }

    /// Returns how a module was treated, as reports name it.
    static String label(ModuleExport module) {
        return switch (module.treatment()) {
            case COPIED -> "copied";
            case KEPT -> "kept";
            case ENCODED -> "encoded";
            case REPLACED -> "replaced";
            case DECODED -> "decoded";
            case FOLDED -> "fake-quantised";
        };
    }

    private static void describe(ObjectNode json, SiteScale scale) {
        json.put("amax", scale.amax());
        json.put("provenance", scale.origin().label());
        scale.from().ifPresent(site -> json.put("from", site.name()));
        if (!scale.detail().isEmpty()) {
            json.put("detail", scale.detail());
        }
    }
}
