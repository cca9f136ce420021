package io.github.steelyard.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Digests.CheckpointDigest;
import io.github.steelyard.checkpoint.Digests.FileDigest;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DigestsTest {

    @TempDir
    Path folder;

    // FIPS 180-4, the example "abc".
    private static final String ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @Test
    void ofTextAndFile_giveSha256() throws IOException {
        assertThat(Digests.ofText("abc")).isEqualTo(ABC);
        assertThat(Digests.ofFile(Files.writeString(folder.resolve("abc"), "abc")))
                .isEqualTo(ABC);
    }

    @Test
    void checkpoint_isTheSumOfWhatSha256sumPrints() throws IOException {
        Path shard = new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve("model.safetensors"));
        Path config = Files.writeString(folder.resolve("config.json"), "{}");
        Files.writeString(folder.resolve("README.md"), "not part of it");
        String lines =
                "%s  config.json\n%s  model.safetensors\n".formatted(Digests.ofFile(config), Digests.ofFile(shard));
        assertThat(digest(1, List.of()).sha256()).isEqualTo(Digests.ofText(lines));
        assertThat(digest(4, List.of())).isEqualTo(digest(1, List.of()));
    }

    @Test
    void checkpoint_anyByteOfAShard_changesIt() throws IOException {
        new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve("model.safetensors"));
        Files.writeString(folder.resolve("config.json"), "{}");
        CheckpointDigest before = digest(2, List.of());
        new TinySafetensors().f32("a", new long[] {1}, 2).write(folder.resolve("model.safetensors"));
        assertThat(digest(2, List.of()).sha256()).isNotEqualTo(before.sha256());
    }

    @Test
    void checkpoint_knownFile_isNotReadAgainUnlessItChanged() throws IOException {
        Path shard = new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve("model.safetensors"));
        Files.writeString(folder.resolve("config.json"), "{}");
        long size = Files.size(shard);
        long modified = Files.getLastModifiedTime(shard).toMillis();
        FileDigest same = new FileDigest("model.safetensors", size, modified, "taken over");
        assertThat(digest(1, List.of(same)).files()).contains(same);
        FileDigest older = new FileDigest("model.safetensors", size, modified - 1, "stale");
        FileDigest shorter = new FileDigest("model.safetensors", size - 1, modified, "stale");
        assertThat(digest(1, List.of(older)).files())
                .extracting(FileDigest::sha256)
                .doesNotContain("stale");
        assertThat(digest(1, List.of(shorter)).files())
                .extracting(FileDigest::sha256)
                .doesNotContain("stale");
    }

    private CheckpointDigest digest(int threads, List<FileDigest> known) {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            return Digests.checkpoint(checkpoint, threads, known);
        }
    }
}
