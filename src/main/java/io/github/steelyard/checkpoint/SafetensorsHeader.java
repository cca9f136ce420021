package io.github.steelyard.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.files.StrictJson;
import java.io.IOException;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The header of one safetensors file, checked.
///
/// ```text
/// bytes 0..7     header length n, unsigned little-endian, at most 100 000 000
/// bytes 8..8+n   JSON in UTF-8: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}}
/// the rest       the tensors' bytes; the ranges cover it without a hole and without overlap
/// ```
///
/// Source: SAFETENSORS (see `docs/SOURCES.md`).
///
/// @param tensors the tensors in the order of their bytes
/// @param metadata the free texts under `__metadata__`
/// @param findings what is odd but harmless
record SafetensorsHeader(List<TensorInfo> tensors, Map<String, String> metadata, List<Finding> findings) {

    static final String METADATA = "__metadata__";

    private static final long LONGEST = 100_000_000; // bytes
    private static final int MOST_TENSORS = 1_000_000;
    private static final int LONGEST_NAME = 4096; // characters
    private static final int MOST_METADATA = 100_000;

    /// Reads and checks the header of an open file.
    ///
    /// @param file the name for messages, and for [TensorInfo#file]
    /// @param size the file's size in bytes
    static SafetensorsHeader read(Path file, FileChannel channel, long size) throws IOException {
        long length = headerLength(file, channel, size);
        ByteBuffer first = ByteBuffer.allocate(1);
        readFully(file, channel, first, Long.BYTES);
        if (first.get(0) != '{') {
            throw new CheckpointException(file, "header does not start with '{'");
        }
        try (Reader text = Channels.newReader(
                        new HeaderChannel(channel, Long.BYTES, Long.BYTES + length),
                        StandardCharsets.UTF_8.newDecoder(),
                        1 << 16);
                JsonParser parser = StrictJson.parser(text)) {
            return new Reading(file, parser, Long.BYTES + length, size - Long.BYTES - length).read();
        } catch (JsonProcessingException e) {
            throw StrictJson.invalid(file, "header JSON", e);
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file, "header is not valid UTF-8", e);
        }
    }

    private static long headerLength(Path file, FileChannel channel, long size) throws IOException {
        if (size < Long.BYTES) {
            throw new CheckpointException(
                    file, String.format(Locale.ROOT, "%d bytes: too short for the 8 bytes of the header length", size));
        }
        ByteBuffer prefix = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        readFully(file, channel, prefix, 0);
        long length = prefix.getLong(0);
        if (Long.compareUnsigned(length, LONGEST) > 0) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "header length %s is more than the limit of %d bytes; the file has %d",
                            Long.toUnsignedString(length),
                            LONGEST,
                            size));
        }
        if (length > size - Long.BYTES) {
            throw new CheckpointException(
                    file,
                    String.format(Locale.ROOT, "header length %d exceeds the file, which has %d bytes", length, size));
        }
        if (length < 2) {
            throw new CheckpointException(
                    file, String.format(Locale.ROOT, "empty header: %d bytes, wanted a JSON object", length));
        }
        return length;
    }

    private static void readFully(Path file, FileChannel channel, ByteBuffer target, long position) throws IOException {
        while (target.hasRemaining()) {
            if (channel.read(target, position + target.position()) < 0) {
                throw new CheckpointException(file, "became shorter while it was read");
            }
        }
    }

    /// The bytes of the header and no others.
    private static final class HeaderChannel implements ReadableByteChannel {

        private final FileChannel channel;
        private final long end; // bytes from the start of the file
        private long position; // bytes from the start of the file

        HeaderChannel(FileChannel channel, long begin, long end) {
            this.channel = channel;
            this.position = begin;
            this.end = end;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            long left = end - position;
            if (left <= 0) {
                return -1;
            }
            int limit = target.limit();
            if (target.remaining() > left) {
                target.limit(target.position() + (int) left);
            }
            int count = channel.read(target, position);
            target.limit(limit);
            position += Math.max(count, 0);
            return count;
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        // The file stays open for its owner.
        @Override
        public void close() {}
    }

    /// One pass over the header's tokens.
    private static final class Reading {

        private final Path file;
        private final JsonParser parser;
        private final long dataStart; // bytes from the start of the file
        private final long dataSize; // bytes
        private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        private final Map<String, String> metadata = new LinkedHashMap<>();
        private final List<Finding> findings = new ArrayList<>();
        private boolean metadataSeen;

        Reading(Path file, JsonParser parser, long dataStart, long dataSize) {
            this.file = file;
            this.parser = parser;
            this.dataStart = dataStart;
            this.dataSize = dataSize;
        }

        SafetensorsHeader read() throws IOException {
            parser.nextToken();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals(METADATA)) {
                    readMetadata();
                } else {
                    add(name);
                }
            }
            StrictJson.requireEnd(file, parser);
            List<TensorInfo> ordered = new ArrayList<>(tensors.values());
            ordered.sort(Comparator.comparingLong(TensorInfo::offset)
                    .thenComparingLong(TensorInfo::byteSize)
                    .thenComparing(TensorInfo::name));
            requireCovered(ordered);
            return new SafetensorsHeader(List.copyOf(ordered), Map.copyOf(metadata), List.copyOf(findings));
        }

        private void add(String name) throws IOException {
            if (!Printable.isUnicode(name)) {
                throw new CheckpointException(
                        file, "tensor name %s holds half a surrogate pair".formatted(Printable.quoted(name)));
            }
            if (name.length() > LONGEST_NAME) {
                throw bad(name, String.format(Locale.ROOT, "the name has more than %d characters", LONGEST_NAME));
            }
            if (tensors.containsKey(name)) {
                throw bad(name, "duplicate tensor name in the header");
            }
            if (tensors.size() == MOST_TENSORS) {
                throw new CheckpointException(file, String.format(Locale.ROOT, "more than %d tensors", MOST_TENSORS));
            }
            HeaderEntry entry = HeaderEntry.read(file, name, parser);
            if (entry.end() > dataSize) {
                throw bad(
                        name,
                        String.format(
                                Locale.ROOT,
                                "data_offsets [%d, %d] reach beyond the %d bytes of data: the file is truncated or the offsets are wrong",
                                entry.begin(),
                                entry.end(),
                                dataSize));
            }
            if (!entry.unknownKey().isEmpty() && findings.isEmpty()) {
                findings.add(Finding.warning(
                        "header-unknown-key",
                        name,
                        "%s: tensor %s: unknown key %s in the header, ignored"
                                .formatted(
                                        Printable.of(file),
                                        Printable.quoted(name),
                                        Printable.quoted(entry.unknownKey()))));
            }
            tensors.put(name, entry.place(file, name, dataStart));
        }

        private void readMetadata() throws IOException {
            if (metadataSeen) {
                throw new CheckpointException(file, "duplicate key '__metadata__' in the header");
            }
            metadataSeen = true;
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw new CheckpointException(file, "__metadata__ must map strings to strings");
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                if (parser.nextToken() != JsonToken.VALUE_STRING) {
                    throw new CheckpointException(
                            file,
                            "__metadata__ must map strings to strings, %s does not".formatted(Printable.quoted(key)));
                }
                if (metadata.put(key, parser.getText()) != null) {
                    throw new CheckpointException(
                            file, "duplicate key %s in __metadata__".formatted(Printable.quoted(key)));
                }
                if (metadata.size() > MOST_METADATA) {
                    throw new CheckpointException(
                            file, String.format(Locale.ROOT, "more than %d texts in __metadata__", MOST_METADATA));
                }
            }
        }

        private void requireCovered(List<TensorInfo> ordered) {
            long end = dataStart;
            String before = "the start of the data";
            for (TensorInfo tensor : ordered) {
                if (tensor.offset() < end) {
                    throw bad(
                            tensor.name(),
                            String.format(
                                    Locale.ROOT,
                                    "data_offsets overlap by %d bytes with %s",
                                    end - tensor.offset(),
                                    before));
                }
                if (tensor.offset() > end) {
                    throw bad(
                            tensor.name(),
                            String.format(
                                    Locale.ROOT,
                                    "data_offsets leave a hole of %d bytes after %s",
                                    tensor.offset() - end,
                                    before));
                }
                end = tensor.offset() + tensor.byteSize();
                before = "tensor " + Printable.quoted(tensor.name());
            }
            if (end - dataStart < dataSize) {
                throw new CheckpointException(
                        file,
                        String.format(
                                Locale.ROOT,
                                "%d bytes after the end of %s belong to no tensor",
                                dataSize - (end - dataStart),
                                before));
            }
        }

        private CheckpointException bad(String name, String problem) {
            return new CheckpointException(file, "tensor %s: %s".formatted(Printable.quoted(name), problem));
        }
    }
}
