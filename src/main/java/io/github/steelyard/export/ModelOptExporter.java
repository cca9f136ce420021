package io.github.steelyard.export;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.Finding;
import io.github.steelyard.recipe.Plan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Writes a directory that a server loads, in ModelOpt's layout.
///
/// Everything is written into a directory beside the target, verified there and only then renamed: a directory that
/// bears the asked name is complete and sound. Tensors are encoded in pieces, so that memory does not grow with the
/// model; what no rule touches is copied byte by byte.
public final class ModelOptExporter {

    private final ExportSource source;
    private final Plan plan;
    private final ScaleTable scales;
    private final ExportRun options;

    public ModelOptExporter(ExportSource source, Plan plan, ScaleTable scales, ExportRun options) {
        this.source = source;
        this.plan = plan;
        this.scales = scales;
        this.options = options;
    }

    /// What becomes of modules that are quantised in the source.
    ///
    /// @param kept names of those whose weights lie in the planned format already and are kept as they are
    /// @param decoded names of those that are written as BF16, and so lose the input quantizers of the source
    public record QuantisedModules(Set<String> kept, Set<String> decoded) {}

    /// Returns what becomes of modules that are quantised in the source.
    public QuantisedModules quantisedModules() {
        List<ModuleExport> modules = new ExportPlanner(source, plan, scales).modules();
        return new QuantisedModules(
                named(modules, ModuleExport.Treatment.KEPT), named(modules, ModuleExport.Treatment.DECODED));
    }

    private static Set<String> named(List<ModuleExport> modules, ModuleExport.Treatment treatment) {
        return modules.stream()
                .filter(module -> module.treatment() == treatment)
                .map(ModuleExport::module)
                .collect(Collectors.toSet());
    }

    /// Writes the export.
    ///
    /// @param target a directory that does not exist yet, or is empty
    /// @param inputs digests of what the scales come from, by name, for the provenance file
    /// @throws GateException if a module cannot be written or what was written is not sound; nothing is left behind
    /// @throws io.github.steelyard.checkpoint.StorageException if the device does not take it
    public ExportResult export(Path target, Map<String, String> inputs) {
        ExportPlan exportPlan = new ExportPlanner(source, plan, scales).plan();
        return OutputDirectory.write(target, directory -> {
            List<String> files = write(exportPlan, directory, inputs);
            return result(target, exportPlan, files, verify(exportPlan, directory));
        });
    }

    private List<String> write(ExportPlan exportPlan, Path directory, Map<String, String> inputs) {
        List<String> files = new ArrayList<>(new ShardFiles(directory, options).write(exportPlan.tensors()));
        files.addAll(SideFiles.configs(source.checkpoint(), exportPlan.declaration(), directory));
        files.addAll(SideFiles.copy(source.checkpoint().directory(), directory));
        byte[] provenance = JsonText.bytes(ProvenanceJson.of(inputs, scales, exportPlan.modules()), 1);
        AtomicFiles.write(directory.resolve(ProvenanceJson.FILE_NAME), provenance);
        files.add(ProvenanceJson.FILE_NAME);
        return files;
    }

    private Verification verify(ExportPlan exportPlan, Path directory) {
        Verification verification = new Verifier(directory, written -> source.decoder())
                .against(source)
                .expecting(exportPlan.declaration())
                .verify();
        List<String> errors = verification.findings().stream()
                .filter(Finding::isError)
                .map(Finding::message)
                .toList();
        if (!errors.isEmpty()) {
            throw new GateException("the export is not sound and was discarded", errors);
        }
        return verification;
    }

    private static ExportResult result(
            Path target, ExportPlan exportPlan, List<String> files, Verification verification) {
        long bytes =
                exportPlan.tensors().stream().mapToLong(OutputTensor::byteSize).sum();
        Map<String, Long> treated = exportPlan.modules().stream()
                .collect(Collectors.groupingBy(ProvenanceJson::label, TreeMap::new, Collectors.counting()));
        return new ExportResult(target, files, bytes, treated, exportPlan.findings(), verification);
    }
}
