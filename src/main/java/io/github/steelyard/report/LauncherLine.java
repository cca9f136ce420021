package io.github.steelyard.report;

import io.github.steelyard.catalogue.Assumptions;
import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.oracle.FakeQuantLaunch;
import io.github.steelyard.oracle.Oracle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// How ModelOpt's launcher for vLLM is started on a directory of fake-quantised weights: with the state that lies
/// there, and with a backend under which the launcher sees what goes into the experts' second product.
///
/// Source: MODELOPT, `examples/vllm_serve` (see `docs/SOURCES.md`).
public final class LauncherLine {

    private static final String ENGINE = "vllm";

    /// One device of each kind that picks its backends in its own way.
    private static final List<String> DEVICES = List.of("sm90", "sm100", "sm120");

    private LauncherLine() {}

    /// Returns the line for a shell.
    ///
    /// @param directory what was exported
    /// @param state name of the file with the state
    /// @param eager whether the engine must not compile, which it cannot around a cache in NVFP4
    public static String of(Path directory, String state, boolean eager) {
        List<String> words = new ArrayList<>(List.of(
                "MODELOPT_STATE_PATH=" + quoted(directory.resolve(state)),
                "python",
                "vllm_serve_fakequant.py",
                quoted(directory)));
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            words.addAll(flags(checkpoint, Families.of(checkpoint)));
        }
        if (eager) {
            words.add("--enforce-eager");
        }
        return String.join(" ", words);
    }

    /// Asks for a backend that shows the tensor on each of the devices, whether or not they would pick it by
    /// themselves.
    private static List<String> flags(Checkpoint checkpoint, Decoder decoder) {
        Catalogue catalogue = Catalogues.bundled().find(ENGINE);
        Oracle oracle = new Oracle(catalogue);
        List<ServedLayer> layers =
                ServedLayer.of(decoder, checkpoint.quantization(), Optional.empty(), Deployment.single());
        if (layers.isEmpty()) {
            return List.of();
        }
        List<String> names = List.of();
        for (String name : DEVICES) {
            Device device = Device.of(
                    name, catalogue.assumedLibraries(Device.of(name, Set.of()).platform()));
            List<SelectionRequest> requests = layers.stream()
                    .map(layer -> new SelectionRequest(
                            layer.layer(),
                            device,
                            Deployment.single(),
                            Preference.none(),
                            false,
                            false,
                            Assumptions.none()))
                    .distinct()
                    .toList();
            FakeQuantLaunch launch = FakeQuantLaunch.plan(oracle, requests, Set.of());
            if (!launch.flags().isEmpty()) {
                return launch.flags();
            }
            names = launch.formats().getFirst().names();
        }
        return catalogue.optionName().isPresent() && !names.isEmpty()
                ? List.of(catalogue.optionName().get(), names.getFirst())
                : List.of();
    }

    private static String quoted(Path path) {
        String text = path.toString();
        return text.matches("[\\w./@:+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
