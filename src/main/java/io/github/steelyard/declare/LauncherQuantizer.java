package io.github.steelyard.declare;

import io.github.steelyard.format.Format;
import io.github.steelyard.site.Site;
import java.util.List;

/// A quantizer of ModelOpt's launcher for vLLM.
///
/// @param name where the launcher looks for its state
/// @param format what it quantises to
/// @param amax the largest amax of the sites; 0 where scales are made at run time
/// @param sites what it stands for: one input or cache, the parts of one matrix, or those of all experts of a layer
public record LauncherQuantizer(String name, Format format, float amax, List<Site> sites) {

    public LauncherQuantizer {
        sites = List.copyOf(sites);
    }
}
