package io.github.steelyard.export;

import io.github.steelyard.calibration.PlannedQuantizers;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.CheckpointScales;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.format.EncodedWeight;
import io.github.steelyard.layout.ModuleExport;
import io.github.steelyard.layout.ModuleExport.Treatment;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// What a server would quantise after an export: by the plan, and where the plan leaves a quantised module alone, as
/// the source says, unless the export decodes it.
final class ShippedQuantizers {

    private ShippedQuantizers() {}

    /// Returns the quantizers; of weights those that are encoded anew.
    ///
    /// @param modules what becomes of each module in a dialect
    static Map<Site, FakeQuantizer> of(ExportSource source, Plan plan, ScaleTable scales, List<ModuleExport> modules) {
        Map<String, Treatment> treatments =
                modules.stream().collect(Collectors.toMap(ModuleExport::module, ModuleExport::treatment));
        CheckpointScales.Carried carried = CheckpointScales.read(
                source.checkpoint(),
                source.decoder().modules().stream()
                        .filter(module -> !plan.scheme(module.name()).isQuantised())
                        .filter(module -> !isDecoded(treatments, module))
                        .filter(module -> module.kind() != ModuleInfo.Kind.ATTENTION
                                || plan.cacheFormat().isEmpty())
                        .toList());
        Map<Site, FakeQuantizer> quantizers = new TreeMap<>(carried.quantizers());
        quantizers.putAll(PlannedQuantizers.of(
                plan,
                scales,
                module -> treatments.get(module.name()) == Treatment.KEPT
                        || source.weights()
                                .replacement(module.name())
                                .filter(EncodedWeight.class::isInstance)
                                .isPresent()));
        return quantizers;
    }

    /// Returns the names of the modules that are quantised in the source and written as plain values.
    static Set<String> decoded(List<ModuleExport> modules) {
        return modules.stream()
                .filter(module -> isDecoded(module.treatment()))
                .map(ModuleExport::module)
                .collect(Collectors.toSet());
    }

    private static boolean isDecoded(Map<String, Treatment> treatments, ModuleInfo module) {
        Treatment treatment = treatments.get(module.name());
        return treatment != null && isDecoded(treatment);
    }

    private static boolean isDecoded(Treatment treatment) {
        return treatment == Treatment.DECODED || treatment == Treatment.REPLACED;
    }
}
