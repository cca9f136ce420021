package io.github.steelyard.natives;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Directories whose content nobody but this user can change: their own, mode 0700, no link, and no directory above
/// them in which another user could put something else in their place.
final class PrivateDirectory {

    private static final Set<PosixFilePermission> OWNER_ALONE = PosixFilePermissions.fromString("rwx------");
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
            PosixFilePermissions.asFileAttribute(OWNER_ALONE);

    private static final int MODE = 0700;
    private static final int PERMISSIONS = 07777;
    private static final int WRITABLE_BY_OTHERS = 0022;
    private static final int STICKY = 01000;

    /// Owner and mode of a directory or file, links not followed.
    private record Owned(int user, int mode) {

        static Owned of(Path path) throws IOException {
            int user = (int) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
            int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
            return new Owned(user, mode & PERMISSIONS);
        }
    }

    private PrivateDirectory() {}

    /// Returns the real path of `directory`, made if it is not there. One of this user's whose mode lets others in is
    /// closed to them, and emptied: a file there may still be open in their hands.
    ///
    /// @throws IOException if it cannot be made, or is not private and cannot be made so
    static Path at(Path directory) throws IOException {
        Files.createDirectories(directory, PRIVATE);
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(directory + ": expected a directory, found a link");
        }
        int user = user(directory);
        Owned owned = Owned.of(directory);
        if (owned.user() != user) {
            throw new IOException(String.format(
                    Locale.ROOT,
                    "%s: expected a directory of this user (%d), found one of user %d",
                    directory,
                    user,
                    owned.user()));
        }
        Path real = directory.toRealPath();
        requireSafeAbove(real, user);
        if (owned.mode() != MODE) {
            Files.setPosixFilePermissions(real, OWNER_ALONE);
            empty(real);
        }
        return real;
    }

    /// Returns a new directory below `parent`.
    static Path temporary(Path parent) throws IOException {
        Path directory = Files.createTempDirectory(parent.toRealPath(), "steelyard-", PRIVATE);
        try {
            requireSafeAbove(directory, user(directory));
            return directory;
        } catch (IOException e) {
            Files.deleteIfExists(directory);
            throw e;
        }
    }

    // Java does not say who we are, but a file that we make does.
    private static int user(Path directory) throws IOException {
        Path probe = Files.createTempFile(directory, "owner", null);
        try {
            return Owned.of(probe).user();
        } finally {
            Files.deleteIfExists(probe);
        }
    }

    // Who owns the root is trusted by everybody: the super-user, or what a container shows in its place.
    private static void requireSafeAbove(Path real, int user) throws IOException {
        Set<Integer> trusted = Set.copyOf(List.of(user, Owned.of(real.getRoot()).user(), 0));
        for (Path above = real.getParent(); above != null; above = above.getParent()) {
            Owned owned = Owned.of(above);
            boolean closed = (owned.mode() & WRITABLE_BY_OTHERS) == 0 || (owned.mode() & STICKY) != 0;
            if (!closed || !trusted.contains(owned.user())) {
                throw new IOException(String.format(
                        Locale.ROOT,
                        "%s: other users can replace what lies in it (owner %d, mode %o)",
                        above,
                        owned.user(),
                        owned.mode()));
            }
        }
    }

    private static void empty(Path directory) throws IOException {
        try (var entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                Files.delete(entry);
            }
        }
    }
}
