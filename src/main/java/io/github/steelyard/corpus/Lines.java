package io.github.steelyard.corpus;

import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Printable;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The lines of a file as bytes, one at a time.
final class Lines implements AutoCloseable {

    /// Longest line in bytes.
    static final int LONGEST = 16 << 20;

    private static final int LONGEST_MESSAGE = 200;

    private final Path file;
    private final DataStream in;
    private final byte[] buffer = new byte[1 << 16];
    private int at;
    private int end;
    private long number;

    /// @param in the file's bytes; they are closed with the lines
    Lines(Path file, DataStream in) {
        this.file = file;
        this.in = in;
    }

    /// Returns the next line without its end, null after the last.
    ///
    /// @throws CorpusException if it is longer than [#LONGEST] or cannot be read
    byte @Nullable [] next() {
        if (at == end && !fill()) {
            return null;
        }
        number++;
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (true) {
            int stop = at;
            while (stop < end && buffer[stop] != '\n') {
                stop++;
            }
            if (line.size() + (stop - at) > LONGEST) {
                throw new CorpusException(
                        file, number, String.format(Locale.ROOT, "line is longer than %d bytes", LONGEST));
            }
            line.write(buffer, at, stop - at);
            if (stop < end) {
                at = stop + 1;
                return line.toByteArray();
            }
            at = end;
            if (!fill()) {
                return line.toByteArray();
            }
        }
    }

    /// Returns the number of the line that [#next] returned last, counted from 1.
    long number() {
        return number;
    }

    /// Returns the text of `line`, a byte order mark at the start of the file removed.
    ///
    /// @throws CorpusException if it is not UTF-8
    String text(byte[] line) {
        return decode(file, number, line);
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw new CorpusException(file, "cannot be closed: " + FileProblem.reason(file, e));
        }
    }

    /// Returns the text of `bytes`, which begin at line `number`; a byte order mark at the start of the file is
    /// removed.
    ///
    /// @throws CorpusException if they are not UTF-8
    static String decode(Path file, long number, byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return number == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new CorpusException(file, number, "not UTF-8");
        }
    }

    /// Returns what a library says, on one line of at most 200 characters.
    static String brief(Throwable e) {
        String message = String.valueOf(e.getMessage());
        return Printable.line(message.substring(0, Math.min(LONGEST_MESSAGE, message.length())));
    }

    private boolean fill() {
        try {
            at = 0;
            end = Math.max(0, in.read(buffer));
        } catch (IOException e) {
            throw new CorpusException(file, "cannot be read: " + FileProblem.reason(file, e));
        }
        return end > 0;
    }
}
