package io.github.steelyard.export;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.Finding;
import io.github.steelyard.checkpoint.StorageException;
import io.github.steelyard.recipe.Plan;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
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

    /// Returns the names of the modules whose weights lie in the planned format already and are kept as they are.
    ///
    /// @throws GateException if a module cannot be written
    public Set<String> keptWeights() {
        return new ExportPlanner(source, plan, scales)
                .plan().modules().stream()
                        .filter(module -> module.treatment() == ModuleExport.Treatment.KEPT)
                        .map(ModuleExport::module)
                        .collect(Collectors.toSet());
    }

    /// Writes the export.
    ///
    /// @param target a directory that does not exist yet, or is empty
    /// @param inputs digests of what the scales come from, by name, for the provenance file
    /// @throws GateException if a module cannot be written or what was written is not sound; nothing is left behind
    /// @throws StorageException if the device does not take it
    public ExportResult export(Path target, Map<String, String> inputs) {
        ExportPlan exportPlan = new ExportPlanner(source, plan, scales).plan();
        requireFree(target);
        Path partial = target.resolveSibling(target.getFileName() + ".partial");
        try {
            delete(partial);
            Files.createDirectories(partial);
            List<String> files = write(exportPlan, partial, inputs);
            Verification verification = verify(exportPlan, partial);
            Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return result(target, exportPlan, files, verification);
        } catch (IOException e) {
            throw new StorageException(target, e);
        } finally {
            deleteQuietly(partial);
        }
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
        Verification verification = new Verifier(directory)
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

    private static void requireFree(Path target) {
        if (!Files.exists(target)) {
            return;
        }
        try (var entries = Files.list(target)) {
            if (!Files.isDirectory(target) || entries.findAny().isPresent()) {
                throw new IllegalArgumentException("%s exists and is not an empty directory".formatted(target));
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("%s exists and is not an empty directory".formatted(target), e);
        }
    }

    private static void deleteQuietly(Path directory) {
        try {
            delete(directory);
        } catch (IOException e) {
            directory.toFile().deleteOnExit();
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, java.io.IOException error) throws IOException {
                Files.delete(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
