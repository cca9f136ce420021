package io.github.steelyard.audit;

/// One question that is asked of a checkpoint, whoever asks.
sealed interface Check
        permits ModelCensus,
                StoredShapes,
                DeclaredFormats,
                DeclaredNames,
                OrphanScales,
                ScannedValues,
                ScaleDefaults,
                ZeroWeights,
                JoinedScales,
                CachePromise,
                InputFactors,
                LauncherFile,
                LoaderCheck,
                SomethingQuantised,
                PlannedFormats {

    /// Adds what is wrong.
    void run(Subject subject, Findings findings);
}
