package io.github.steelyard.export;

import io.github.steelyard.audit.Auditor;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.audit.Verification;
import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.dialect.TensorScale;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.files.PythonJson;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.Site;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Writes a directory that a server loads, in the dialect of the plan ([Plan#dialect]).
///
/// Everything is written into a directory beside the target, verified there and only then renamed: a directory that
/// bears the asked name is complete and sound. Tensors are encoded in pieces, so that memory does not grow with the
/// model; what no rule touches is copied byte by byte.
public final class CheckpointExporter {

    private final ExportSource source;
    private final Plan plan;
    private final ScaleTable scales;
    private final ExportRun options;

    public CheckpointExporter(ExportSource source, Plan plan, ScaleTable scales, ExportRun options) {
        this.source = source;
        this.plan = plan;
        this.scales = scales;
        this.options = options;
    }

    /// Returns what a server would quantise after this export: by the plan, and where the plan leaves a quantised
    /// module alone, as the source says, unless the export decodes it. Of weights there are those that are encoded
    /// anew.
    public Map<Site, FakeQuantizer> quantizers() {
        return ShippedQuantizers.of(source, plan, scales, new ExportPlanner(source, plan, scales).modules());
    }

    /// Returns the names of modules that are quantised in the source and written as plain values, and so lose the input
    /// quantizers of the source.
    public Set<String> decodedModules() {
        return ShippedQuantizers.decoded(new ExportPlanner(source, plan, scales).modules());
    }

    /// Returns the scales of quantised modules that the source stores the other way round than the plan's dialect does:
    /// where they are kept, their reciprocals are written.
    public List<TensorScale> turnedScales() {
        List<TensorScale> turned = new ArrayList<>();
        for (SourceModule module : source.modules()) {
            module.format()
                    .map(plan.arithmetic()::isReciprocal)
                    .ifPresent(reciprocal -> Stream.of(module.tensorScale(), module.inputScale())
                            .flatMap(Optional::stream)
                            .filter(scale -> scale.reciprocal() != reciprocal)
                            .forEach(turned::add));
        }
        return turned;
    }

    /// Writes the export, unless an earlier one has: that is only verified.
    ///
    /// @param target a directory that does not exist yet, is empty, or holds the same export
    /// @param inputs digests of what the scales come from, by name, for the provenance file
    /// @throws GateException if a module cannot be written or what was written is not sound; nothing is left behind
    /// @throws io.github.steelyard.files.OutputException if `target` holds anything else, or is being written
    /// @throws io.github.steelyard.files.StorageException if the device does not take it
    public ExportResult export(Path target, Map<String, String> inputs) {
        ExportPlan exportPlan = new ExportPlanner(source, plan, scales).plan();
        SideFiles side = SideFiles.of(source.checkpoint().directory());
        SequencedMap<String, byte[]> small = SideFiles.configs(source.checkpoint(), exportPlan.declaration());
        small.putAll(exportPlan.declaration().others());
        small.put(ProvenanceJson.FILE_NAME, PythonJson.bytes(exportPlan.provenance(inputs, scales), 1));
        List<String> shards = new ShardFiles(target, options).names(exportPlan.outputs());
        boolean earlier = EarlierExport.isSame(target, small, shards, side.differencesFrom(target));
        if (earlier) {
            OutputDirectory.tidy(target);
        }
        Verification verification = earlier
                ? verify(exportPlan, target, "the export that is there is not sound; remove it to have it written anew")
                : OutputDirectory.write(target, directory -> {
                    new ShardFiles(directory, options).write(exportPlan.outputs());
                    side.copy(directory);
                    small.forEach((name, content) -> AtomicFiles.write(directory.resolve(name), content));
                    return verify(exportPlan, directory, "the export is not sound and was discarded");
                });
        List<String> files = Stream.of(shards, side.names(), small.keySet())
                .flatMap(Collection::stream)
                .toList();
        List<Finding> findings = new ArrayList<>(exportPlan.findings());
        findings.addAll(side.findings());
        return result(target, earlier, exportPlan, files, findings, verification);
    }

    private Verification verify(ExportPlan exportPlan, Path directory, String refusal) {
        Expectation expectation = Expectation.servable()
                .madeFrom(source)
                .writtenAs(exportPlan.declaration().planned());
        Verification verification = new Auditor(expectation, options.threads()).audit(directory);
        List<String> errors = verification.findings().stream()
                .filter(Finding::isError)
                .map(Finding::message)
                .toList();
        if (!errors.isEmpty()) {
            throw new GateException(refusal, errors);
        }
        return verification;
    }

    private static ExportResult result(
            Path target,
            boolean earlier,
            ExportPlan exportPlan,
            List<String> files,
            List<Finding> findings,
            Verification verification) {
        long bytes =
                exportPlan.outputs().stream().mapToLong(OutputTensors::byteSize).sum();
        Map<String, Long> treated = exportPlan.modules().stream()
                .collect(Collectors.groupingBy(ProvenanceJson::label, TreeMap::new, Collectors.counting()));
        return new ExportResult(target, earlier, files, bytes, treated, findings, verification);
    }
}
