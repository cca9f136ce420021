package io.github.steelyard.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CheckpointTest {

    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";

    @TempDir
    Path folder;

    @BeforeEach
    void writeShards() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{}");
        new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve(FIRST));
        new TinySafetensors().f32("b", new long[] {2}, 2, 3).write(folder.resolve(SECOND));
        index("{\"metadata\":{\"total_size\":12},\"weight_map\":{\"b\":\"%s\",\"a\":\"%s\"}}".formatted(SECOND, FIRST));
    }

    @Test
    void open_shards_givesTensorsOfAll() {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensors().keySet()).containsExactly("a", "b");
            assertThat(checkpoint.shards()).containsExactly(folder.resolve(FIRST), folder.resolve(SECOND));
            assertThat(checkpoint.bytes(checkpoint.tensor("b")).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4))
                    .isEqualTo(3);
            assertThat(checkpoint.has("c")).isFalse();
            assertThat(checkpoint.findings()).isEmpty();
            assertThatThrownBy(() -> checkpoint.tensor("c")).hasMessage("%s: tensor 'c' is missing", folder);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "/etc/passwd                        | is an absolute path",
                "../model-00001-of-00002.safetensors | leaves the checkpoint's directory",
                "sub/../../x.safetensors            | leaves the checkpoint's directory",
                "..                                 | leaves the checkpoint's directory",
                "..\\\\x.safetensors                | holds a backslash",
                "a\\u0000b                          | control character",
                "./model-00001-of-00002.safetensors | is not a plain file name",
                "sub//x.safetensors                 | is not a plain file name",
                "``                                 | is an empty name",
            })
    void open_shardNameThatIsNoPlainName_isRejected(String name, String reason) throws IOException {
        index("{\"weight_map\":{\"a\":\"%s\"}}".formatted(name));
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(folder.resolve(ShardIndex.FILE_NAME) + ": weight_map: the shard of tensor 'a'")
                .hasMessageContaining(reason);
    }

    @Test
    void open_folderLinkThatLeadsOutside_isRejected(@TempDir Path outside) throws IOException {
        new TinySafetensors().f32("a", new long[] {1}, 1).write(outside.resolve("x.safetensors"));
        Files.createSymbolicLink(folder.resolve("sub"), outside);
        index("{\"weight_map\":{\"a\":\"sub/x.safetensors\"}}");
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessageContaining("shard 'sub/x.safetensors' leaves the checkpoint's directory");
    }

    @Test
    void open_hubCacheOfLinks_isAccepted(@TempDir Path cache) throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("blobs"));
        Path snapshot = Files.createDirectories(cache.resolve("snapshots/rev"));
        new TinySafetensors().f32("a", new long[] {1}, 1).write(blobs.resolve("0123"));
        Files.writeString(blobs.resolve("4567"), "{}");
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs/0123"));
        Files.createSymbolicLink(snapshot.resolve("config.json"), Path.of("../../blobs/4567"));
        try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
            assertThat(checkpoint.tensors()).containsOnlyKeys("a");
            assertThat(checkpoint.findings()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"weight_map\":{\"a\":5}}                                        | tensor 'a' is not a string",
                "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}                        | duplicate key 'a' in weight_map",
                "{\"weight_map\":{},\"weight_map\":{}}                             | duplicate key 'weight_map'",
                "{\"weight_map\":{}}                                               | weight_map lists no tensor",
                "{\"weight_map\":[]}                                               | must map tensor names to file names",
                "{}                                                                | no weight_map",
                "[]                                                                | not a JSON object",
                "{\"weight_map\":{\"a\":\"x\"                                      | it ends in the middle",
                "{\"weight_map\":{\"a\":\"x\"}}}                                   | invalid JSON",
                "{\"weight_map\":{\"a\":\"m1.safetensors\",\"b\":\"m2.safetensors\"}} | 2 of 2 shards not found: 'm1.safetensors', 'm2.safetensors'",
                "{\"weight_map\":{\"c\":\"model-00001-of-00002.safetensors\"}}     | tensor 'c' is listed in shard 'model-00001-of-00002.safetensors' but is not there, no shard has it",
                "{\"weight_map\":{\"b\":\"model-00001-of-00002.safetensors\",\"a\":\"model-00002-of-00002.safetensors\"}} | tensor 'a' is listed in shard 'model-00002-of-00002.safetensors' but is not there, it is in",
            })
    void open_badIndex_isRejectedWithReason(String json, String reason) throws IOException {
        index(json);
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(folder.resolve(ShardIndex.FILE_NAME).toString())
                .hasMessageContaining(reason);
    }

    @Test
    void open_tensorInTwoShards_isRejected() {
        new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve(SECOND));
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessage(
                        "%s: tensor 'a' is present in two shards, the other is %s",
                        folder.resolve(SECOND), folder.resolve(FIRST));
    }

    @Test
    void open_tensorThatTheIndexOmits_isReadWithAWarning() throws IOException {
        new TinySafetensors()
                .f32("a", new long[] {1}, 1)
                .f32("extra", new long[] {1}, 1)
                .write(folder.resolve(FIRST));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.has("extra")).isTrue();
            assertThat(checkpoint.findings())
                    .extracting(Finding::code)
                    .containsExactly("tensor-unlisted", "index-total-size");
            assertThat(checkpoint.findings().getFirst().message()).contains("'extra'");
        }
    }

    @ParameterizedTest
    @CsvSource({"11", "-1", "12.0", "'\"12\"'", "1e99", "99999999999999999999", "{}"})
    void open_wrongTotalSize_isWarnedOf(String size) throws IOException {
        index("{\"metadata\":{\"total_size\":%s},\"weight_map\":{\"b\":\"%s\",\"a\":\"%s\"}}"
                .formatted(size, SECOND, FIRST));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.findings()).extracting(Finding::code).containsExactly("index-total-size");
        }
    }

    @Test
    void open_completeSingleFileBesideAnIndex_readsTheFileAndSaysSo() {
        new TinySafetensors()
                .f32("a", new long[] {1}, 1)
                .f32("b", new long[] {1}, 1)
                .write(folder.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.shards()).containsExactly(folder.resolve("model.safetensors"));
            assertThat(checkpoint.findings()).extracting(Finding::code).containsExactly("index-unused");
            assertThat(checkpoint.findings().getFirst().message())
                    .endsWith("both this index and model.safetensors are present; model.safetensors is read, the index"
                            + " is not");
        }
    }

    // Some other part that somebody left there: transformers reads it, vLLM reads the shards.
    @Test
    void open_straySingleFileBesideCompleteShards_readsTheShardsAndSaysSo() {
        new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.shards()).containsExactly(folder.resolve(FIRST), folder.resolve(SECOND));
            assertThat(checkpoint.findings().getFirst().message())
                    .contains("both this index and model.safetensors are present; the shards of the index are read,"
                            + " model.safetensors is not: it lacks 1 of the 2 tensors that the index lists");
        }
    }

    @Test
    void open_singleFileAndShardsThatAreGone_readsTheFile() throws IOException {
        new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve("model.safetensors"));
        Files.delete(folder.resolve(SECOND));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensors()).containsOnlyKeys("a");
            assertThat(checkpoint.findings()).extracting(Finding::code).containsExactly("index-unused");
        }
    }

    @Test
    void open_fileThatTheIndexDoesNotList_isReadIfItsTensorsAreNew() {
        new TinySafetensors().f32("mtp.fc.weight", new long[] {1}, 1).write(folder.resolve("extra.safetensors"));
        new TinySafetensors().f32("a", new long[] {1}, 1).write(folder.resolve("model-00001-of-00009.safetensors"));
        new TinySafetensors().f32("norm.weight", new long[] {1}, 1).write(folder.resolve("consolidated.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensors()).containsOnlyKeys("a", "b", "mtp.fc.weight");
            assertThat(checkpoint.shards()).isSorted();
            assertThat(checkpoint.findings().stream().filter(f -> f.code().startsWith("file-")))
                    .extracting(Finding::message)
                    .containsExactlyInAnyOrder(
                            folder + ": 1 safetensors file(s) that no index lists are read all the same, and carried"
                                    + " into an export: 'extra.safetensors'",
                            folder + ": 1 safetensors file(s) that no index lists are not read (the model in another"
                                    + " layout, or an adapter): 'consolidated.safetensors'",
                            folder + ": 1 safetensors file(s) that no index lists are not read (other files have their"
                                    + " tensors, or other values for them): 'model-00001-of-00009.safetensors'");
        }
    }

    // A prediction layer may come with a copy of the embedding.
    @ParameterizedTest
    @CsvSource({"1, true", "2, false"})
    void open_fileBesideThatRepeatsATensor_isReadIfItIsTheSame(float value, boolean read) {
        new TinySafetensors()
                .f32("a", new long[] {1}, value)
                .f32("mtp.fc.weight", new long[] {1}, 1)
                .write(folder.resolve("mtp.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.has("mtp.fc.weight")).isEqualTo(read);
            assertThat(checkpoint.tensor("a").file()).isEqualTo(folder.resolve(FIRST));
            assertThat(checkpoint.findings().getFirst().code()).isEqualTo(read ? "file-unlisted" : "file-unread");
        }
    }

    @Test
    void open_indexOfAnotherSharding_namesTheShardsThatAreThere() throws IOException {
        index("{\"weight_map\":{\"a\":\"model-00001-of-00009.safetensors\"}}");
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessage(
                        "%s: 1 of 1 shards not found: 'model-00001-of-00009.safetensors'; the directory holds 2 that the"
                                + " index does not list, perhaps of another sharding: '%s', '%s'",
                        folder.resolve(ShardIndex.FILE_NAME), FIRST, SECOND);
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", ShardIndex.FILE_NAME, FIRST})
    void open_gitLfsPointer_saysHowToFetchIt(String file) throws IOException {
        Files.writeString(
                folder.resolve(file),
                "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 1234\n".formatted("0".repeat(64)));
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessage(
                        "%s: is a Git LFS pointer, not the file itself: run 'git lfs pull' in its repository",
                        folder.resolve(file));
    }

    @Test
    void open_noWeights_saysWhatIsThere() throws IOException {
        Files.delete(folder.resolve(ShardIndex.FILE_NAME));
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessage(
                        "%s: no safetensors checkpoint: wanted model.safetensors or model.safetensors.index.json, "
                                + "found '%s', '%s'",
                        folder, FIRST, SECOND);
    }

    @Test
    void open_noConfigOrNoDirectory_saysSo() throws IOException {
        Files.delete(folder.resolve("config.json"));
        assertThatThrownBy(() -> Checkpoint.open(folder)).hasMessage("%s: not found", folder.resolve("config.json"));
        Path none = folder.resolve("none");
        assertThatThrownBy(() -> Checkpoint.open(none)).hasMessage("%s: no such directory", none);
        Path file = folder.resolve(FIRST);
        assertThatThrownBy(() -> Checkpoint.open(file)).hasMessage("%s: not a directory", file);
    }

    @Test
    @Timeout(10)
    void open_pipeInPlaceOfAShard_isRejectedWithoutWaiting() throws Exception {
        Path pipe = folder.resolve(FIRST);
        Files.delete(pipe);
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        assertThatThrownBy(() -> Checkpoint.open(folder)).hasMessage("%s: not a regular file: a special file", pipe);
    }

    @Test
    void json_absentFile_isEmpty() throws IOException {
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":2}");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.json("tokenizer_config.json")).isEmpty();
            assertThat(checkpoint.json("generation_config.json").orElseThrow().integer("eos_token_id", 0, 9))
                    .isEqualTo(2);
        }
    }

    private void index(String json) throws IOException {
        Files.writeString(folder.resolve(ShardIndex.FILE_NAME), json);
    }
}
