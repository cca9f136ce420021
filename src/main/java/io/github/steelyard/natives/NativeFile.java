package io.github.steelyard.natives;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// A file of a native library in a jar of the class path.
///
/// @param resource its absolute name there
/// @param sha256 of its content, in hexadecimal digits: what this version was built and tested with
public record NativeFile(String resource, String sha256) {

    private static final int CHUNK = 1 << 20; // bytes

    /// Returns the file's own name, by which others look for it.
    public String name() {
        return resource.substring(resource.lastIndexOf('/') + 1);
    }

    /// Makes `directory` hold this file: what lies there is read and compared, and replaced where it differs.
    ///
    /// @throws IOException if it cannot be written
    /// @throws NativeException if the class path does not hold it
    void putInto(Path directory) throws IOException {
        Path target = directory.resolve(name());
        if (!liesAt(target)) {
            unpack(directory, target);
        }
    }

    private boolean liesAt(Path target) throws IOException {
        if (!Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        MessageDigest digest = digest();
        try (InputStream in = Files.newInputStream(target, LinkOption.NOFOLLOW_LINKS)) {
            byte[] chunk = new byte[CHUNK];
            for (int count = in.read(chunk); count > 0; count = in.read(chunk)) {
                digest.update(chunk, 0, count);
            }
        }
        return sha256.equals(HexFormat.of().formatHex(digest.digest()));
    }

    // Whole and on the device before it has its name: processes that start together, and a power cut, leave no half.
    private void unpack(Path directory, Path target) throws IOException {
        Path part = Files.createTempFile(directory, name(), ".part");
        try {
            try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
                copy(Channels.newOutputStream(channel));
                channel.force(true);
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private void copy(OutputStream out) throws IOException {
        MessageDigest digest = digest();
        try (InputStream in = NativeFile.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new NativeException("not on the class path: " + resource);
            }
            in.transferTo(new DigestOutputStream(out, digest));
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (!sha256.equals(found)) {
            throw new NativeException(
                    "%s on the class path is not the file that this version was built with:".formatted(resource)
                            + " expected SHA-256 %s, found %s".formatted(sha256, found));
        }
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
