package io.github.steelyard.corpus;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import io.github.steelyard.files.FileProblem;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/// The bytes of a data file, unpacked as they are read, while a digest of the file as it lies there builds up.
final class DataStream extends FilterInputStream {

    /// What unpacks to more than this times its size is no text that anybody calibrates on, past [#FREE] bytes.
    private static final long MOST_EXPANSION = 200;

    private static final long FREE = 64L << 20; // bytes
    private static final int GZIP_TRAILER = 8; // bytes: checksum and size
    private static final int BUFFER = 1 << 16;

    private final Packed packed;
    private long unpacked;

    private DataStream(Packed packed, InputStream in) {
        super(in);
        this.packed = packed;
    }

    /// Opens a file.
    ///
    /// @throws CorpusException if it cannot be read, or does not begin as its name says
    static DataStream open(Path file, DataKind.Compression compression) {
        FileProblem.irregularity(file).ifPresent(problem -> {
            throw new CorpusException(file, problem);
        });
        try {
            Packed packed = new Packed(Files.newInputStream(file));
            try {
                return new DataStream(packed, unpacking(file, packed, compression));
            } catch (IOException | RuntimeException e) {
                packed.close();
                throw e;
            }
        } catch (IOException e) {
            throw new CorpusException(file, "cannot be read: " + FileProblem.reason(file, plain(e)));
        }
    }

    private static InputStream unpacking(Path file, Packed packed, DataKind.Compression compression)
            throws IOException {
        return switch (compression) {
            case NONE -> packed;
            case GZIP -> new WholeGzip(packed);
            case ZSTD -> {
                try {
                    yield new ZstdInputStreamNoFinalizer(packed);
                } catch (LinkageError e) {
                    throw new CorpusException(
                            file,
                            "zstd's library cannot be loaded here (%s); unpack the file, or pack it as .gz"
                                    .formatted(Lines.brief(e)));
                }
            }
        };
    }

    /// Returns the SHA-256 of the file's bytes that were read so far, in hexadecimal digits. Of the whole file once the
    /// end was reached; to be asked once.
    String digest() {
        return HexFormat.of().formatHex(packed.getMessageDigest().digest());
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
        int count;
        try {
            count = in.read(bytes, from, length);
        } catch (IOException e) {
            throw plain(e);
        }
        unpacked += Math.max(0, count);
        if (unpacked > FREE && unpacked / MOST_EXPANSION > packed.count) {
            throw new IOException(String.format(
                    Locale.ROOT, "unpacks to more than %d times its size; is this text?", MOST_EXPANSION));
        }
        return count;
    }

    /// Says what libraries mean.
    private static IOException plain(IOException e) {
        return switch (e) {
            case EOFException end -> new IOException("the compressed data ends too early");
            case ZipException damaged -> new IOException("damaged gzip data: " + Lines.brief(damaged));
            case ZstdIOException damaged -> new IOException("damaged zstd data: " + Lines.brief(damaged));
            default -> e;
        };
    }

    /// The file as it lies there.
    private static final class Packed extends DigestInputStream {

        private long count;

        Packed(InputStream in) {
            super(in, sha256());
        }

        @Override
        public int read() throws IOException {
            int one = super.read();
            count += one < 0 ? 0 : 1;
            return one;
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
            int read = super.read(bytes, from, length);
            count += Math.max(0, read);
            return read;
        }
    }

    /// Java's reader of gzip ends in silence at bytes that begin no further member. Those are damage, unless they are
    /// the zeros that tapes and some tools fill up with.
    private static final class WholeGzip extends GZIPInputStream {

        private boolean ended;

        WholeGzip(InputStream in) throws IOException {
            super(in, BUFFER);
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
            int count = super.read(bytes, from, length);
            if (count < 0 && !ended) {
                ended = true;
                requireZeros(buf, len - Math.max(0, inf.getRemaining() - GZIP_TRAILER), len);
                for (int more = in.read(buf); more >= 0; more = in.read(buf)) {
                    requireZeros(buf, 0, more);
                }
            }
            return count;
        }

        private static void requireZeros(byte[] bytes, int from, int to) throws ZipException {
            for (int i = from; i < to; i++) {
                if (bytes[i] != 0) {
                    throw new ZipException("bytes after the end");
                }
            }
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
