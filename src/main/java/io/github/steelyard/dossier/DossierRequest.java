package io.github.steelyard.dossier;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// What a page is to show.
///
/// @param inputs directories of runs and of exports, files with what `evaluate --json` printed; in any order
/// @param checkpoint where the calibrated checkpoint of the runs lies now; empty: where each says that it lay
/// @param page the HTML file to be written, `….html`; the JSON goes beside it under the same name, `….json`
public record DossierRequest(List<Path> inputs, Optional<Path> checkpoint, Path page) {

    public DossierRequest {
        inputs = List.copyOf(inputs);
    }
}
