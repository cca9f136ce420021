package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.files.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SideFilesTest {

    @TempDir
    private Path temp;

    @Test
    void of_links_areFollowedOnlyInsideTheDirectory() throws IOException {
        Path secret = Files.writeString(temp.resolve("id_rsa"), "secret");
        Path model = Files.createDirectories(temp.resolve("model/inner"));
        Path outer = temp.resolve("model");
        Files.writeString(outer.resolve("tokenizer.json"), "{}");
        Files.writeString(model.resolve("licence"), "free");
        Files.createSymbolicLink(outer.resolve("LICENSE"), Path.of("inner/licence"));
        Files.createSymbolicLink(outer.resolve("NOTICE"), secret);
        Files.createSymbolicLink(outer.resolve("chat_template.jinja"), Path.of("../id_rsa"));
        Files.createSymbolicLink(outer.resolve("merges.txt"), Path.of("hop"));
        Files.createSymbolicLink(outer.resolve("hop"), secret);
        Files.createSymbolicLink(temp.resolve("linked"), outer);

        for (Path given : List.of(outer, temp.resolve("linked"))) {
            SideFiles side = SideFiles.of(given);

            assertThat(side.names()).containsExactly("LICENSE", "tokenizer.json");
            assertThat(side.findings())
                    .extracting(Finding::message)
                    .containsExactly(("3 files of %s are links to places outside it and were not exported:"
                                    + " 'NOTICE', 'chat_template.jinja', 'merges.txt'")
                            .formatted(given));
        }
    }

    @Test
    void of_snapshotOfAHubCache_isFollowedIntoItsOwnBlobsAlone() throws IOException {
        Path snapshot = Files.createDirectories(temp.resolve("hub/models--a--b/snapshots/1234"));
        Path blobs = Files.createDirectories(temp.resolve("hub/models--a--b/blobs"));
        Path others = Files.createDirectories(temp.resolve("hub/models--c--d/blobs"));
        Files.writeString(blobs.resolve("beef"), "{}");
        Files.writeString(others.resolve("beef"), "{}");
        Files.createSymbolicLink(snapshot.resolve("tokenizer.json"), Path.of("../../blobs/beef"));
        Files.createSymbolicLink(
                snapshot.resolve("generation_config.json"), Path.of("../../../models--c--d/blobs/beef"));

        SideFiles side = SideFiles.of(snapshot);

        assertThat(side.names()).containsExactly("tokenizer.json");
        assertThat(side.findings()).hasSize(1);
    }
}
