package io.github.steelyard.synthesis;

import io.github.steelyard.files.AtomicFiles;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SplittableRandom;

/// Random token ids to run a synthetic checkpoint on: `tokens.jsonl`, one `{"input_ids": [...]}` per sequence.
///
/// @param sequences how many sequences
/// @param length tokens of each
public record SyntheticTokens(int sequences, int length) {

    private static final String FILE = "tokens.jsonl";

    /// @throws IllegalArgumentException if a number is less than 1
    public SyntheticTokens {
        if (sequences < 1 || length < 1) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "sequences and their length must be at least 1: %d, %d", sequences, length));
        }
    }

    void write(Path directory, int vocabulary, long seed) {
        SplittableRandom random = RandomBytes.source(seed, FILE);
        AtomicFiles.write(directory.resolve(FILE), channel -> {
            for (int i = 0; i < sequences; i++) {
                ByteBuffer line = ByteBuffer.wrap(line(random, vocabulary).getBytes(StandardCharsets.UTF_8));
                while (line.hasRemaining()) {
                    channel.write(line);
                }
            }
        });
    }

    private String line(SplittableRandom random, int vocabulary) {
        StringBuilder line = new StringBuilder("{\"input_ids\": [");
        for (int i = 0; i < length; i++) {
            line.append(i == 0 ? "" : ", ").append(random.nextInt(vocabulary));
        }
        return line.append("]}\n").toString();
    }
}
