package io.github.steelyard.export;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.files.PythonJson;
import io.github.steelyard.format.Format;
import io.github.steelyard.layout.CachePlanner;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Writes the scales of inputs, keys and values alone, for a checkpoint whose weights stay as they are:
/// `scales.safetensors` with the tensors that ModelOpt's layout has beside the weights, F32 without extents but for the
/// factors of channels, and `steelyard.json` with the amax and provenance of each site.
public final class ScalesExporter {

    private static final String FILE_NAME = "scales.safetensors";

    private ScalesExporter() {}

    /// What was written, or found to be written already.
    ///
    /// @param files names of the files
    /// @param earlier whether an earlier export had written the same
    public record Result(List<String> files, boolean earlier) {}

    /// Writes both files into a new directory, unless an earlier export has.
    ///
    /// @param target a directory that does not exist yet, is empty, or holds the same export
    /// @param inputs digests of what the scales come from, by name
    /// @throws io.github.steelyard.files.OutputException if `target` holds anything else, or is being written
    public static Result export(Path target, Plan plan, ScaleTable scales, Map<String, String> inputs) {
        byte[] provenance = PythonJson.bytes(ProvenanceJson.of(inputs, scales, List.of(), List.of()), 1);
        boolean earlier = EarlierExport.isSame(
                target, Map.of(ProvenanceJson.FILE_NAME, provenance), List.of(FILE_NAME), List.of());
        if (earlier) {
            OutputDirectory.tidy(target);
        } else {
            OutputDirectory.write(target, directory -> {
                write(directory.resolve(FILE_NAME), plan, scales);
                AtomicFiles.write(directory.resolve(ProvenanceJson.FILE_NAME), provenance);
                return directory;
            });
        }
        return new Result(List.of(FILE_NAME, ProvenanceJson.FILE_NAME), earlier);
    }

    private static void write(Path file, Plan plan, ScaleTable scales) {
        SortedMap<String, float[]> tensors = new TreeMap<>();
        for (SiteScale scale : scales.scales().values()) {
            if (scale.site().role() != Role.WEIGHT) {
                Format format =
                        scale.site().role() == Role.INPUT || scale.site().role() == Role.OUTPUT
                                ? plan.format(scale.site()).orElse(Format.FP8)
                                : Format.FP8; // a cache has FP8's scale in every format
                tensors.put(tensorName(scale.site()), new float[] {format.tensorScale(scale.amax())});
            }
        }
        scales.factors().forEach((module, factors) -> tensors.put(ModelOpt.preQuantScale(module), factors.values()));
        String ofChannels = ModelOpt.preQuantScale("");
        List<Planned> planned = tensors.entrySet().stream()
                .map(tensor -> new Planned(
                        tensor.getKey(),
                        DType.F32,
                        tensor.getKey().endsWith(ofChannels) ? Shape.of(tensor.getValue().length) : Shape.of()))
                .toList();
        List<MemorySegment> values =
                tensors.values().stream().map(MemorySegment::ofArray).toList();
        SafetensorsWriter.write(file, planned, Map.of("format", "steelyard-scales"), values);
    }

    private static String tensorName(Site site) {
        return switch (site.role()) {
            case INPUT -> Dialect.MODELOPT.module(site.module()).inputScale();
            case OUTPUT -> CacheNames.ofOutput(site.module());
            case WEIGHT -> Dialect.MODELOPT.module(site.module()).scale();
            case KEY, VALUE, LATENT, ROTATED_KEY -> CachePlanner.tensorName(Dialect.MODELOPT, site);
        };
    }
}
