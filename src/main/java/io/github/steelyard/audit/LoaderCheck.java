package io.github.steelyard.audit;

import io.github.steelyard.loader.LoadedPart;
import io.github.steelyard.loader.LoadedParts;
import io.github.steelyard.loader.Loader;
import io.github.steelyard.loader.LoaderRule;
import java.util.List;

/// What the loader of one serving engine does with the checkpoint.
///
/// @param loader the loader
record LoaderCheck(Loader loader) implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        if (subject.decoder().isEmpty()) {
            return; // which model this is, and so what a loader looks for, is not known
        }
        List<LoadedPart> parts = LoadedParts.of(
                subject.checkpoint(), subject.stored(), subject.decoder().get(), subject::single);
        for (LoaderRule rule : loader.rules()) {
            parts.stream()
                    .filter(rule::speaksOf)
                    .forEach(part -> findings.each(
                            code(rule.effect()), "%s %s".formatted(loader.label(), rule.says()), part.name()));
        }
    }

    private static FindingCode code(LoaderRule.Effect effect) {
        return switch (effect) {
            case REFUSES -> FindingCode.SERVER_REFUSES;
            case MISREADS -> FindingCode.SERVER_MISREADS;
            case CHANGES -> FindingCode.SERVER_CHANGES;
            case IGNORES -> FindingCode.SERVER_IGNORES;
        };
    }
}
