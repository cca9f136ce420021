package io.github.steelyard.natives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class NativeLibraryTest {

    // Any resource: nothing here is loaded.
    private static final String RESOURCE = "/demo/checkpoint/tokenizer.json";
    private static final String NAME = "tokenizer.json";

    @TempDir
    private Path directory;

    private Path cache = Path.of("");
    private Path temporary = Path.of("");
    private byte[] content = {};
    private List<NativeFile> files = List.of();

    @BeforeEach
    void read() throws Exception {
        cache = directory.resolve("cache/steelyard");
        temporary = Files.createDirectory(directory.resolve("tmp"));
        try (InputStream in = NativeLibraryTest.class.getResourceAsStream(RESOURCE)) {
            content = in.readAllBytes();
        }
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
        files = List.of(new NativeFile(RESOURCE, HexFormat.of().formatHex(digest)));
    }

    @Test
    void unpack_firstTime_writesIntoAPrivateDirectoryThatStays() throws IOException {
        NativeLibrary library = unpack();
        library.close();

        assertThat(library.file(NAME)).isEqualTo(kept()).hasBinaryContent(content);
        assertThat(permissions(kept().getParent())).isEqualTo("rwx------");
        assertThat(permissions(cache)).isEqualTo("rwx------");
        assertThat(entries(kept().getParent())).containsExactly(NAME);
        assertThat(entries(temporary)).isEmpty();
    }

    @Test
    void unpack_again_leavesWhatIsSound() throws IOException {
        unpack().close();
        Object before = Files.getAttribute(kept(), "unix:ino");
        unpack().close();

        assertThat(Files.getAttribute(kept(), "unix:ino")).isEqualTo(before);
    }

    @Test
    void unpack_fileThatDiffers_isReplaced() throws IOException {
        unpack().close();
        byte[] zeroed = content.clone();
        Arrays.fill(zeroed, content.length / 2, content.length, (byte) 0);
        for (byte[] wrong : List.of(new byte[0], Arrays.copyOf(content, content.length - 1), zeroed)) {
            Files.write(kept(), wrong);
            unpack().close();

            assertThat(kept()).hasBinaryContent(content);
        }
    }

    @Test
    void unpack_linkInPlaceOfTheFile_isReplacedAndItsTargetLeft() throws IOException {
        unpack().close();
        Path elsewhere = Files.move(kept(), directory.resolve("elsewhere"));
        Files.createSymbolicLink(kept(), elsewhere);
        unpack().close();

        assertThat(Files.isSymbolicLink(kept())).isFalse();
        assertThat(kept()).hasBinaryContent(content);
        assertThat(elsewhere).hasBinaryContent(content);
    }

    @Test
    void unpack_directoryThatWasOpenToOthers_isClosedAndFilledAnew() throws IOException {
        unpack().close();
        Path held = Files.createLink(directory.resolve("held"), kept());
        Files.writeString(kept().resolveSibling("libother.so"), "x");
        Files.setPosixFilePermissions(kept().getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
        unpack().close();

        assertThat(permissions(kept().getParent())).isEqualTo("rwx------");
        assertThat(entries(kept().getParent())).containsExactly(NAME);
        assertThat(kept()).hasBinaryContent(content);
        assertThat(Files.isSameFile(kept(), held)).isFalse();
    }

    @Test
    void unpack_linkInPlaceOfTheDirectory_isNotUsed() throws IOException {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Files.createDirectories(cache);
        Files.createSymbolicLink(kept().getParent(), elsewhere);

        takesTheTemporaryOne();
        assertThat(entries(elsewhere)).isEmpty();
    }

    @Test
    void unpack_directoryAboveThatOthersCanWriteTo_isNotUsed() throws IOException {
        Files.createDirectories(cache);
        Files.setPosixFilePermissions(cache.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));

        takesTheTemporaryOne();
    }

    @Test
    void unpack_directoryOfAnotherUser_isNotUsed() throws IOException {
        Path foreign = Files.createDirectories(kept().getParent());
        assumeThat(changeOwner(foreign))
                .as("only root can give a directory away")
                .isTrue();
        Files.write(kept(), content);

        takesTheTemporaryOne();
    }

    @Test
    void unpack_cacheThatCannotBeMade_takesATemporaryDirectory() throws IOException {
        Files.writeString(directory.resolve("cache"), "a file");

        takesTheTemporaryOne();
    }

    @Test
    void unpack_noPrivateDirectoryAnywhere_isRefusedOnOneLine() throws IOException {
        Files.writeString(directory.resolve("cache"), "a file");
        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxrwxrwx"));

        assertThatThrownBy(this::unpack)
                .isInstanceOf(NativeException.class)
                .hasMessageStartingWith("no private directory for native libraries: " + cache)
                .hasMessageContaining(temporary + ": other users can replace what lies in it")
                .hasMessageNotContaining("\n");
        assertThat(entries(temporary)).isEmpty();
    }

    @Test
    void unpack_otherContentOnTheClassPath_isRefused() throws IOException {
        files = List.of(new NativeFile(RESOURCE, "00"));

        assertThatThrownBy(this::unpack)
                .isInstanceOf(NativeException.class)
                .hasMessageStartingWith(
                        RESOURCE + " on the class path is not the file that this version was built with")
                .hasMessageContaining("expected SHA-256 00, found ");
        assertThat(entries(kept().getParent())).isEmpty();
    }

    @Test
    void unpack_nothingOnTheClassPath_isRefused() {
        files = List.of(new NativeFile("/no/such.so", "00"));

        assertThatThrownBy(this::unpack)
                .isInstanceOf(NativeException.class)
                .hasMessage("not on the class path: /no/such.so");
    }

    private NativeLibrary unpack() {
        return NativeLibrary.unpack(cache, temporary, "library-1", files);
    }

    private Path kept() {
        return cache.resolve("library-1").resolve(NAME);
    }

    private void takesTheTemporaryOne() throws IOException {
        NativeLibrary library = unpack();
        Path file = library.file(NAME);
        assertThat(file).startsWith(temporary).hasBinaryContent(content);
        assertThat(permissions(file.getParent())).isEqualTo("rwx------");

        library.close();
        assertThat(entries(temporary)).isEmpty();
    }

    private static boolean changeOwner(Path path) {
        try {
            Files.setAttribute(path, "unix:uid", 12_345);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private static List<String> entries(Path path) throws IOException {
        try (Stream<Path> entries = Files.list(path)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }
}
