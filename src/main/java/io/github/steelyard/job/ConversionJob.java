package io.github.steelyard.job;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.dialect.TensorScale;
import io.github.steelyard.export.CheckpointExporter;
import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.export.ExportRun;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// Writes a quantised checkpoint in another layout. Codes and block scales stay as they are, to the bit; so does every
/// scale that the other layout stores the same way round.
///
/// A conversion is an export whose recipe asks for nothing.
public final class ConversionJob {

    private static final String NOTHING = """
            metadata: {recipe_type: ptq}
            quantize:
              algorithm: max
              quant_cfg:
                - {quantizer_name: '*', enable: false}
            """;

    private ConversionJob() {}

    /// Converts, and checks what was written; the directory appears under its name once it is whole and sound.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint cannot be used
    /// @throws GateException if something cannot be said in the other layout, or what was written is not sound
    /// @throws io.github.steelyard.files.OutputException if the directory is not free
    /// @throws io.github.steelyard.files.StorageException if something cannot be written
    public static ConversionResult run(ConversionRequest request, JobListener listener) {
        OutputPaths.requireApart(request.out(), List.of(request.checkpoint()));
        EarlierExport.isAt(request.out());
        Recipe recipe = Recipe.parse(Path.of("convert"), NOTHING).exportedAs(request.to());
        try (Checkpoint checkpoint = Checkpoint.open(request.checkpoint())) {
            Decoder decoder = Inputs.model(checkpoint, listener);
            Plan plan = Plan.of(recipe, decoder.modules());
            ExportSource source = ExportSource.of(checkpoint, decoder);
            ExportRun options = new ExportRun(
                    recipe.export().shardBytes(), request.threads(), listener.writingBegins("conversion"));
            CheckpointExporter exporter =
                    new CheckpointExporter(source, plan, new ScaleTable(new TreeMap<>()), options);
            Set<String> lost = new TreeSet<>(exporter.decodedModules());
            if (!lost.isEmpty()) {
                throw new GateException(
                        "nothing is written",
                        lost.stream()
                                .map(name -> "%s: %s has no name for what it is stored as"
                                        .formatted(name, plan.dialect().title()))
                                .toList());
            }
            String digest =
                    Digests.checkpoint(checkpoint, request.threads(), List.of()).sha256();
            var written = exporter.export(request.out(), Map.of("checkpoint", digest));
            listener.writingEnds();
            List<Finding> findings = new ArrayList<>(written.findings());
            findings.addAll(written.verification().findings());
            listener.findings(findings);
            return result(
                    new ExportResult(
                            request.out(),
                            written.earlier() ? CalibrationJob.DONE_BEFORE : CalibrationJob.DONE,
                            request.to().word(),
                            written.files(),
                            written.bytes(),
                            Optional.empty(),
                            written.modules()),
                    exporter.turnedScales());
        }
    }

    private static ConversionResult result(ExportResult written, List<TensorScale> turned) {
        double[] errors = turned.stream()
                .mapToDouble(TensorScale::error)
                .filter(error -> error != 0)
                .toArray();
        double largest = 0;
        for (double error : errors) {
            largest = Math.max(largest, error);
        }
        return new ConversionResult(written, turned.size(), errors.length, largest);
    }
}
