package io.github.steelyard.dialect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Format;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Rules over the names of modules end in bounded time.
final class ModuleRulesTest {

    // Patterns that tell digits apart are tried on every name, and the budget ends that.
    @Test
    @Timeout(120)
    void manyPatternsOverManyModules_endWithAnAnswerOrByName() {
        Set<String> modules = new LinkedHashSet<>();
        for (int layer = 0; layer < 64; layer++) {
            for (int expert = 0; expert < 128; expert++) {
                modules.add("model.layers.%d.mlp.experts.%d.down_proj".formatted(layer, expert));
            }
        }
        Declaration none = Declaration.of(Format.PLAIN, "config.json: ignore");
        ModuleRules blind = new ModuleRules(Path.of("config.json"), ModuleRules.Names.EXACT);
        for (int i = 0; i < 300; i++) {
            blind.addRegex(
                    "re:.*%s\\.x$".formatted("abcdefgh".repeat(1 + i % 7) + (char) ('a' + i % 26) + "_".repeat(i)),
                    none);
        }
        assertThat(blind.unmatched(modules)).hasSize(300);
        modules.forEach(module -> assertThat(blind.find(module)).isEmpty());

        ModuleRules sensing = new ModuleRules(Path.of("config.json"), ModuleRules.Names.EXACT, 20_000_000);
        for (int i = 0; i < 500; i++) {
            sensing.addRegex("re:.*layers\\.%d\\d*\\..*experts.*zz".formatted(100 + i), none);
        }
        assertThatThrownBy(() -> sensing.unmatched(modules))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("takes too many steps over the module names");
    }
}
