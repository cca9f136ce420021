package io.github.steelyard.audit;

import io.github.steelyard.loader.LoadedPart;
import io.github.steelyard.loader.LoadedParts;
import io.github.steelyard.loader.Loader;
import io.github.steelyard.loader.LoaderRule;
import java.util.List;

/// What the loaders of serving engines do with the checkpoint.
///
/// @param loaders the loaders
record LoaderCheck(List<Loader> loaders) implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        if (subject.decoder().isEmpty()) {
            return; // which model this is, and so what a loader looks for, is not known
        }
        List<LoadedPart> parts = LoadedParts.of(
                subject.checkpoint(), subject.stored(), subject.decoder().get(), subject::single);
        for (Loader loader : loaders) {
            for (LoaderRule rule : loader.rules()) {
                String message = "%s %s".formatted(loader.label(), rule.says());
                parts.stream()
                        .filter(rule::speaksOf)
                        .forEach(part -> findings.each(code(rule.effect()), message, part.name()));
            }
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
