package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.GeneratedCheckpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Families of which there is no checkpoint in the shared data, against transformers 5.18: two seeds each, the second
/// with
/// odd settings.
final class GeneratedFamiliesTest {

    private static final double LOGIT_BOUND = 2e-4;
    private static final double AMAX_PERCENT = 1e-2;

    @TempDir
    private Path directory;

    private static List<String> names() {
        return GeneratedCheckpoint.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void forward_matchesTransformers(String name) {
        Path model = GeneratedCheckpoint.write(name, directory.resolve(name));
        GeneratedCheckpoint reference = GeneratedCheckpoint.read(name);

        for (ForwardRun.Options options : List.of(ForwardRun.Options.reference(), ForwardRun.Options.fastest())) {
            ForwardRun run = ForwardRun.of(model, reference.prompts(), options);

            for (int prompt = 0; prompt < reference.prompts().size(); prompt++) {
                assertClose(run.logits().get(prompt), reference.logits().get(prompt));
            }
            assertThat(tokens(run)).isEqualTo(reference.tokens());
            reference
                    .amax()
                    .forEach((module, amax) -> assertThat((double) run.statistics()
                                    .at(new Site(module, Role.INPUT))
                                    .orElseThrow()
                                    .amax())
                            .as("input amax of %s", module)
                            .isCloseTo(amax, withinPercentage(AMAX_PERCENT)));
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyTensor_isReadOrKnownToBelongElsewhere(String name) {
        Path model = GeneratedCheckpoint.write(name, directory.resolve(name));
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            TensorCensus census = TensorCensus.of(checkpoint, Families.of(checkpoint));

            assertThat(census.unknown()).isEmpty();
            assertThat(census.missing()).isEmpty();
        }
    }

    private static Map<String, Long> tokens(ForwardRun run) {
        Map<String, Long> tokens = new TreeMap<>();
        run.statistics().sites().forEach((site, found) -> {
            if (site.role() == Role.INPUT) {
                tokens.put(site.module(), found.tokens());
            }
        });
        return tokens;
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i]).as("logit %d", i).isCloseTo(expected[i], within(LOGIT_BOUND));
        }
    }
}
