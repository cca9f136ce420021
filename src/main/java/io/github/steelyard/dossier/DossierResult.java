package io.github.steelyard.dossier;

import java.nio.file.Path;

/// A page that was written.
///
/// @param page the HTML file
/// @param data the JSON beside it
/// @param runs runs on it
/// @param exports exports on it
/// @param evaluations evaluations on it
public record DossierResult(Path page, Path data, int runs, int exports, int evaluations) {}
