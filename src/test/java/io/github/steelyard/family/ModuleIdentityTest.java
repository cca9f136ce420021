package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.site.JoinedProjections;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.ExpertNames;
import io.github.steelyard.testing.PublishedConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What families say of their modules against what the published names say.
final class ModuleIdentityTest {

    @TempDir
    private Path directory;

    static List<String> models() throws IOException {
        try (Stream<Path> configs = Files.list(Path.of("src", "test", "resources", "configs"))) {
            return configs.map(config -> config.getFileName().toString().replace(".json", ""))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void expert_isWhatTheNameSays(String model) {
        for (ModuleInfo module : PublishedConfig.decoder(model, directory).modules()) {
            assertThat(module.expert()).as(module.name()).isEqualTo(ExpertNames.part(module.name()));
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void joined_areTheModulesThatTheNamesSay(String model) {
        List<ModuleInfo> modules = PublishedConfig.decoder(model, directory).modules();
        Set<String> names = modules.stream().map(ModuleInfo::name).collect(Collectors.toSet());

        for (ModuleInfo module : modules) {
            assertThat(module.joined())
                    .as(module.name())
                    .isEqualTo(JoinedProjections.of(module.name()).stream()
                            .filter(names::contains)
                            .toList());
        }
    }
}
