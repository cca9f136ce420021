package io.github.steelyard.export;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.Site;
import io.github.steelyard.quant.QuantFormat;
import io.github.steelyard.recipe.Plan;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// Writes the scales of inputs, keys and values alone, for a checkpoint whose weights stay as they are:
/// `scales.safetensors` with the tensors that ModelOpt's layout has beside the weights, F32 without extents, and
/// `steelyard.json` with the amax and provenance of each site.
public final class ScalesExporter {

    private ScalesExporter() {}

    /// Writes both files into a new directory and returns their names.
    ///
    /// @param target a directory that does not exist yet, or is empty
    /// @param inputs digests of what the scales come from, by name
    public static List<String> export(Path target, Plan plan, ScaleTable scales, Map<String, String> inputs) {
        return OutputDirectory.write(target, directory -> write(directory, plan, scales, inputs));
    }

    private static List<String> write(Path directory, Plan plan, ScaleTable scales, Map<String, String> inputs) {
        SortedMap<String, Float> tensors = new TreeMap<>();
        for (SiteScale scale : scales.scales().values()) {
            if (scale.site().role() != Role.WEIGHT) {
                boolean nvfp4Input = scale.site().role() == Role.INPUT
                        && plan.format(scale.site()).equals(Optional.of(QuantFormat.NVFP4));
                tensors.put(
                        tensorName(scale.site()),
                        nvfp4Input ? Nvfp4.globalScale(scale.amax()) : Fp8.scale(scale.amax()));
            }
        }
        List<Planned> planned = tensors.keySet().stream()
                .map(name -> new Planned(name, DType.F32, Shape.of()))
                .toList();
        List<MemorySegment> values = tensors.values().stream()
                .map(value -> MemorySegment.ofBuffer(new TensorContent.Floats(List.of(value)).piece(0)))
                .toList();
        SafetensorsWriter.write(
                directory.resolve("scales.safetensors"), planned, Map.of("format", "steelyard-scales"), values);
        AtomicFiles.write(
                directory.resolve(ProvenanceJson.FILE_NAME),
                JsonText.bytes(ProvenanceJson.of(inputs, scales, List.of()), 1));
        return List.of("scales.safetensors", ProvenanceJson.FILE_NAME);
    }

    private static String tensorName(Site site) {
        return switch (site.role()) {
            case INPUT -> site.module() + ".input_scale";
            case WEIGHT -> site.module() + ".weight_scale";
            case KEY, VALUE, LATENT, ROTATED_KEY -> CacheExport.tensorName(site);
        };
    }
}
