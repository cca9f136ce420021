package io.github.steelyard.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WorkDirectoryTest {

    private static final List<String> NAMES = List.of("a.bin", "part-#.bin", "content/");

    @TempDir
    private Path temp;

    @Test
    void remove_leavesNothing() throws IOException {
        Path directory = temp.resolve("x/work");
        try (WorkDirectory work = WorkDirectory.claim(directory, NAMES);
                FileChannel channel = work.open("a.bin")) {
            assertThat(channel.size()).isZero();
            Files.createDirectory(work.file("content/"));
            Files.writeString(directory.resolve("content/b"), "b");
            Files.writeString(directory.resolve("a.bin.steelyard-partial"), "half");
            Files.writeString(work.file("part-0.bin"), "0");
            Files.writeString(directory.resolve("part-10.bin.steelyard-partial"), "half");
            assertThat(WorkDirectory.isOurs(directory)).isTrue();
            work.remove();
        }
        assertThat(directory).doesNotExist();
    }

    @Test
    void remove_leavesWhatOthersPutThereMeanwhile() throws IOException {
        WorkDirectory work = WorkDirectory.claim(temp.resolve("work"), NAMES);
        Path notes = Files.writeString(temp.resolve("work/notes.txt"), "precious");

        work.remove();

        assertThat(notes).hasContent("precious");
        assertThat(temp.resolve("work")).isDirectoryContaining(notes::equals);
    }

    @Test
    void claim_afterAKill_takesOver() throws IOException {
        WorkDirectory.claim(temp.resolve("work"), NAMES).close();
        Files.writeString(temp.resolve("work/a.bin"), "a");
        Files.writeString(temp.resolve("work/lock"), "steel"); // killed while it was written

        WorkDirectory.claim(temp.resolve("work"), NAMES).remove();

        assertThat(temp.resolve("work")).doesNotExist();
    }

    @Test
    void claim_ofWhatAnotherHolds_isRefused() {
        try (WorkDirectory work = WorkDirectory.claim(temp.resolve("work"), NAMES)) {
            refused("another process is at work here");
            assertThat(work.file("a.bin")).doesNotExist();
        }
        WorkDirectory.claim(temp.resolve("work"), NAMES).remove();
    }

    // One ends its work, and removes the directory, at each step of another's claim.
    @Test
    void claim_whileOthersComeAndGo_isGrantedOrRefused() throws Exception {
        Path directory = temp.resolve("work");
        Callable<Integer> claims = () -> {
            int granted = 0;
            for (int i = 0; i < 500; i++) {
                try {
                    WorkDirectory.claim(directory, NAMES).remove();
                    granted++;
                } catch (OutputException e) {
                    assertThat(e).hasMessageContaining("another process is at work here");
                }
            }
            return granted;
        };
        try (ExecutorService all = Executors.newFixedThreadPool(4)) {
            int granted = 0;
            for (Future<Integer> one : all.invokeAll(Collections.nCopies(4, claims))) {
                granted += one.get();
            }
            assertThat(granted).isPositive();
        }
        assertThat(directory).doesNotExist();
    }

    @Test
    void claim_filesOfOthers_areRefusedAndStay() throws IOException {
        Path directory = Files.createDirectory(temp.resolve("work"));
        Path mine = Files.writeString(directory.resolve("a.bin"), "precious");
        refused("steelyard did not make it (it has no file 'lock')");

        Files.writeString(directory.resolve("lock"), "mine");
        refused("was not made by steelyard");

        Files.writeString(directory.resolve("lock"), "");
        Path notes = Files.writeString(directory.resolve("notes.txt"), "precious");
        refused("holds 'notes.txt', which steelyard did not put there");

        assertThat(notes).hasContent("precious");
        Files.delete(notes);
        for (String name : List.of("part-#.bin", "part-.bin", "part-1a.bin")) {
            Path other = Files.writeString(directory.resolve(name), "precious");
            refused("holds '%s', which steelyard did not put there".formatted(name));
            assertThat(other).hasContent("precious");
            Files.delete(other);
        }

        assertThat(mine).hasContent("precious");
    }

    @Test
    void claim_linksOfAnyKind_areRefusedAndNotFollowed() throws IOException {
        WorkDirectory.claim(temp.resolve("work"), NAMES).close();
        Path victim = Files.writeString(temp.resolve("victim"), "precious");
        Path file = temp.resolve("work/a.bin");
        Files.createSymbolicLink(file, victim);
        refused("is a link or no regular file");
        Files.delete(file);
        Files.createLink(file, victim);
        refused("is a link or no regular file");
        Files.delete(file);
        Files.createSymbolicLink(temp.resolve("work/content"), temp);
        refused("is a link or no directory");
        assertThat(victim).hasContent("precious");

        Files.createSymbolicLink(temp.resolve("linked"), Files.createDirectory(temp.resolve("elsewhere")));
        assertThatExceptionOfType(OutputException.class)
                .isThrownBy(() -> WorkDirectory.claim(temp.resolve("linked"), NAMES))
                .withMessageContaining("is not a directory, or is a link");
        assertThat(temp.resolve("elsewhere")).isEmptyDirectory();
    }

    private void refused(String message) {
        assertThatExceptionOfType(OutputException.class)
                .isThrownBy(() -> WorkDirectory.claim(temp.resolve("work"), NAMES))
                .withMessageContaining(message);
    }
}
