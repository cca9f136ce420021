package io.github.steelyard.yaml;

import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;

/// A YAML file as located trees, one for each document.
///
/// The file comes from outside: its size, depth and number of nodes are bounded (aliases count as what they stand for),
/// it must be UTF-8, and keys may not repeat. Tags and merge keys are refused rather than interpreted.
///
/// @param path where it was read, or what messages call it
/// @param comments the lines of comment before all else, without space around them
/// @param documents the root of each document
public record YamlFile(Path path, List<String> comments, List<Node> documents) {

    /// Largest file, in bytes.
    public static final int MAX_BYTES = 1 << 20;

    /// How deep values may nest.
    public static final int MAX_DEPTH = 64;

    /// Most values, aliases expanded.
    public static final int MAX_NODES = 100_000;

    public YamlFile {
        comments = List.copyOf(comments);
        documents = List.copyOf(documents);
    }

    /// Reads a file.
    ///
    /// @param what what the file is, for messages: `a recipe`
    /// @throws YamlException if it cannot be read, is too large, or is no YAML as above
    public static YamlFile read(Path path, String what) {
        return parse(path, text(path, what));
    }

    /// Reads a text.
    ///
    /// @param path what messages call it
    /// @throws YamlException if it is no YAML as above
    public static YamlFile parse(Path path, String text) {
        try {
            return new YamlFile(path, comments(text), new YamlTree(path, text).documents());
        } catch (MarkedYAMLException e) {
            Mark mark = e.getProblemMark();
            throw new YamlException(
                    new Position(path, mark.getLine() + 1, mark.getColumn() + 1),
                    "not YAML: " + Printable.brief(String.valueOf(e.getProblem())));
        } catch (YAMLException e) {
            throw new YamlException(path, "not YAML: " + Printable.brief(String.valueOf(e.getMessage())));
        }
    }

    /// Returns the root of a file that holds one document.
    ///
    /// @param what what the file is, for messages: `a recipe`
    /// @throws YamlException if it holds none or several
    public Node document(String what) {
        if (documents.size() != 1) {
            throw new YamlException(
                    path, String.format(Locale.ROOT, "%s is one YAML document, found %d", what, documents.size()));
        }
        return documents.getFirst();
    }

    private static List<String> comments(String text) {
        return text.lines()
                .map(String::strip)
                .takeWhile(line -> line.isEmpty() || line.startsWith("#"))
                .filter(line -> !line.isEmpty())
                .toList();
    }

    private static String text(Path path, String what) {
        FileProblem.irregularity(path).ifPresent(problem -> {
            throw new YamlException(path, problem);
        });
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new YamlException(
                        path, String.format(Locale.ROOT, "larger than the %d bytes %s may have", MAX_BYTES, what));
            }
            return decode(path, bytes);
        } catch (IOException e) {
            throw new YamlException(path, "cannot be read: " + FileProblem.reason(path, e));
        }
    }

    private static String decode(Path path, byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        CoderResult result = decoder.decode(in, out, true);
        if (result.isError()) {
            int line = 1;
            for (int i = 0; i < in.position(); i++) {
                line += bytes[i] == '\n' ? 1 : 0;
            }
            throw new YamlException(
                    new Position(path, line, 1),
                    String.format(Locale.ROOT, "not UTF-8: bad byte at offset %d", in.position()));
        }
        String text = out.flip().toString();
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }
}
