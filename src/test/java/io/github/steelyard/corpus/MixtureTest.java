package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.corpus.DataOptions.Packing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Several files and sources. What is expected is counted by hand.
@Timeout(60)
final class MixtureTest {

    @TempDir
    private Path directory;

    @BeforeEach
    void files() throws IOException {
        Files.createDirectories(directory.resolve("web/deep"));
        write("web/b.jsonl", 200, 2);
        write("web/a.jsonl", 100, 3);
        write("web/deep/c.jsonl", 300, 1);
        write("code.jsonl", 500, 6);
        Files.writeString(directory.resolve("web/README.md"), "what this is");
        Files.writeString(directory.resolve("web/.hidden.jsonl"), "{}");
        Files.writeString(directory.resolve("web/notes.pdf"), "%PDF");
    }

    @Test
    void read_directory_takesItsDataFilesInOrder() {
        CalibrationSet set = read(options(source("web", 1)));

        assertThat(firsts(set)).containsExactly(100, 101, 102, 200, 201, 300);
        assertThat(set.files())
                .extracting(file -> directory.relativize(file.path()).toString())
                .containsExactly("web/a.jsonl", "web/b.jsonl", "web/deep/c.jsonl");
        assertThat(set.files()).extracting(DataFile::documents).containsExactly(3L, 2L, 1L);
        assertThat(set.files()).extracting(DataFile::tokens).containsExactly(9L, 6L, 3L);
    }

    @Test
    void read_glob_takesWhatMatches() {
        assertThat(firsts(read(options(source("web/[ab].jsonl", 1))))).containsExactly(100, 101, 102, 200, 201);
        assertThat(firsts(read(options(source("w*/**/*.jsonl", 1))))).containsExactly(300);
        assertThat(firsts(read(options(source("{code,web/b}.jsonl", 1)))))
                .containsExactly(500, 501, 502, 503, 504, 505, 200, 201);
    }

    @Test
    void read_weights_decideWhoIsNext() {
        CalibrationSet set =
                read(options(source("web", 1), source("code.jsonl", 2)).withMaxSequences(OptionalInt.of(6)));

        // Who has given least for its weight; at first, and whenever that is equal, the first one.
        assertThat(firsts(set)).containsExactly(100, 500, 501, 101, 502, 503);
        assertThat(set.counts()).isEqualTo(new CalibrationSet.Counts(6, 0, 6, 0, 0, 0));
        assertThat(set.files()).extracting(DataFile::documents).containsExactly(2L, 0L, 0L, 4L);
    }

    @Test
    void read_sourceAtItsEnd_leavesTheRestToTheOthers() {
        CalibrationSet set = read(options(source("web/b.jsonl", 3), source("code.jsonl", 1)));

        assertThat(firsts(set)).containsExactly(200, 500, 201, 501, 502, 503, 504, 505);
    }

    @Test
    void read_seedAndMost_areTheFirstOfTheWholeOrder() {
        DataOptions all = options(source("web", 1), source("code.jsonl", 1));
        DataOptions seeded =
                new DataOptions(all.sources(), OptionalInt.empty(), 16, Packing.NONE, OptionalLong.of(3), true);

        List<Integer> whole = firsts(read(seeded));
        CalibrationSet some = read(seeded.withMaxSequences(OptionalInt.of(5)));

        assertThat(whole).hasSize(12).isNotEqualTo(firsts(read(all)));
        assertThat(firsts(some)).isEqualTo(whole.subList(0, 5));
        assertThat(some.counts()).isEqualTo(new CalibrationSet.Counts(5, 0, 7, 0, 0, 0));
    }

    @Test
    void read_joinedAndSeeded_isTheBeginningOfTheWhole() {
        DataOptions all = new DataOptions(
                options(source("web", 1), source("code.jsonl", 1)).sources(),
                OptionalInt.empty(),
                5,
                Packing.CONCATENATE,
                OptionalLong.of(3),
                true);

        CalibrationSet whole = read(all);
        CalibrationSet some = read(all.withMaxSequences(OptionalInt.of(3)));

        assertThat(some.count()).isEqualTo(3);
        for (int i = 0; i < 3; i++) {
            assertThat(some.sequence(i)).isEqualTo(whole.sequence(i));
        }
        assertThat(some.counts().documents() + some.counts().unusedDocuments()).isEqualTo(12);
    }

    @Test
    void read_moreFiles_haveTheSequencesOfOne() throws IOException {
        Path joined = directory.resolve("joined.jsonl");
        Files.writeString(
                joined,
                Files.readString(directory.resolve("web/a.jsonl"))
                        + Files.readString(directory.resolve("web/b.jsonl")));

        assertThat(read(options(source("web/[ab].jsonl", 1))).digest())
                .isEqualTo(read(options(source("joined.jsonl", 1))).digest());
    }

    @Test
    void read_nothingThere_isOneLine() throws IOException {
        Files.createDirectories(directory.resolve("none"));
        Files.writeString(directory.resolve("empty.jsonl"), "\n");

        refused(source("none", 1), "none: no data file in it");
        refused(source("no*.jsonl", 1), "no*.jsonl: no file matches");
        refused(source("a[b.jsonl", 1), "a[b.jsonl: not a glob: Missing '");
        refused(source("empty.jsonl", 1), "empty.jsonl: no token in it; documents without text: 0");
        assertThatThrownBy(() -> read(options(source("web", 1), source("empty.jsonl", 1))))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("empty.jsonl: no token in it");
        assertThatThrownBy(() -> source("web", 0)).hasMessage("weight must be a number above 0, found 0.0");
    }

    private void refused(DataSource source, String part) {
        assertThatThrownBy(() -> read(options(source)))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining(part)
                .hasMessageNotContaining("\n");
    }

    private DataSource source(String path, double weight) {
        return new DataSource(directory.resolve(path), weight);
    }

    private static DataOptions options(DataSource... sources) {
        return new DataOptions(List.of(sources), OptionalInt.empty(), 16, Packing.NONE, OptionalLong.empty(), true);
    }

    private static CalibrationSet read(DataOptions options) {
        try (Tokenizer none = Tokenizer.at(Path.of("none"))) {
            return CalibrationSet.read(options, none, 1040, () -> OptionalInt.of(999));
        }
    }

    private static List<Integer> firsts(CalibrationSet set) {
        List<Integer> firsts = new ArrayList<>();
        for (int i = 0; i < set.count(); i++) {
            firsts.add(set.sequence(i)[0]);
        }
        return firsts;
    }

    /// Documents of three tokens; the first is `from` and counts up.
    private void write(String name, int from, int documents) throws IOException {
        StringBuilder lines = new StringBuilder();
        IntStream.range(from, from + documents)
                .forEach(id -> lines.append("{\"input_ids\": [%d, 1, 2]}\n".formatted(id)));
        Files.writeString(directory.resolve(name), lines);
    }
}
