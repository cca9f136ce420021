package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What a directory of fake-quantised weights tells ModelOpt's launcher for vLLM. The launcher reads a pickle, which is
/// never read here: `steelyard.json` says the same of each site.
public final class LauncherState {

    /// Name of the launcher's file.
    public static final String FILE_NAME = "vllm_fq_modelopt_state.pth";

    /// Key of the quantizers in `steelyard.json`: by site its format and amax.
    public static final String QUANTIZERS = "quantizers";

    /// Key of the format of a site.
    public static final String FORMAT = "format";

    /// Key of the amax of a site, 0 where the scale is made at run time.
    public static final String AMAX = "amax";

    /// Name of the file that says it where no pickle is read.
    public static final String PROVENANCE = "steelyard.json";

    private LauncherState() {}

    /// Returns whether the weights of this checkpoint are fake-quantised for the launcher.
    public static boolean isIn(Checkpoint checkpoint) {
        return Files.isRegularFile(checkpoint.directory().resolve(FILE_NAME));
    }

    /// Returns the quantizers that the launcher has for the modules.
    ///
    /// @throws CheckpointException if `steelyard.json` does not say
    static Map<Site, FakeQuantizer> read(Checkpoint checkpoint, Collection<ModuleInfo> modules) {
        ConfigJson provenance = checkpoint
                .json(PROVENANCE)
                .orElseThrow(() -> new CheckpointException(
                        checkpoint.directory().resolve(FILE_NAME),
                        "a pickle, which is not read, and there is no %s that says the same".formatted(PROVENANCE)));
        ConfigJson served = provenance
                .object(QUANTIZERS)
                .orElseThrow(() -> new CheckpointException(
                        provenance.file(), "has no '%s', and the launcher's pickle is not read".formatted(QUANTIZERS)));
        Map<Site, FakeQuantizer> quantizers = new TreeMap<>();
        for (ModuleInfo module : modules) {
            for (Site site : module.sites()) {
                served.object(site.name()).ifPresent(said -> quantizers.put(site, quantizer(site, said)));
            }
        }
        return quantizers;
    }

    private static FakeQuantizer quantizer(Site site, ConfigJson said) {
        String name = said.string(FORMAT);
        Optional<Format> format = Arrays.stream(Format.values())
                .filter(known -> known.name().equals(name))
                .findFirst();
        try {
            return FakeQuantizer.of(
                    format.orElseThrow(() -> new IllegalArgumentException("%s is no format".formatted(name))),
                    (float) said.number(AMAX));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(said.file(), "%s: %s".formatted(site.name(), e.getMessage()), e);
        }
    }
}
