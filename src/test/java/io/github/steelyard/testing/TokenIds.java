package io.github.steelyard.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

/// Calibration data without a tokenizer: random token ids, always the same.
public final class TokenIds {

    private TokenIds() {}

    /// Writes sequences of these lengths, ids below `vocabulary`, and returns the file.
    public static Path write(Path file, int vocabulary, int... lengths) throws IOException {
        Random random = new Random(5);
        List<String> lines = new ArrayList<>();
        for (int length : lengths) {
            lines.add(random.ints(length, 0, vocabulary)
                    .mapToObj(Integer::toString)
                    .collect(Collectors.joining(", ", "{\"input_ids\": [", "]}")));
        }
        return Files.write(file, lines);
    }
}
