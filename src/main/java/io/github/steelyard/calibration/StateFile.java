package io.github.steelyard.calibration;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.statistics.StatisticsException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/// `state.json`: how far a run has come, and the digests of all that it goes on from, the file's own among them. It
/// names no file: which one holds what follows from the number of layers.
///
/// @param key what the run was begun with
/// @param digests SHA-256 of the results of each finished layer, in hexadecimal digits; empty for one without
/// @param streamChecksum CRC-32C of the residual stream after the last of them, in hexadecimal digits
record StateFile(RunKey key, List<String> digests, String streamChecksum) {

    /// Bytes of a stream that are read or written at a time.
    static final int BLOCK = 1 << 20;

    private static final int SCHEMA = 3;
    private static final String DIGEST = "digest";

    /// The part of the key of a pass that solves, beside those of the run: the digest of the run's statistics.
    static final String STATISTICS = "statistics";

    StateFile {
        digests = List.copyOf(digests);
    }

    /// Returns how many layers are finished.
    int layersDone() {
        return digests.size();
    }

    /// Reads the file.
    ///
    /// @param layers layers of the model
    /// @throws StatisticsException if it is damaged or of another version
    static StateFile read(Path file, int layers) {
        try {
            ConfigJson state = ConfigJson.read(file);
            state.integer("schema", SCHEMA, SCHEMA);
            String wanted = state.string(DIGEST);
            ObjectNode rest = state.copy();
            rest.remove(DIGEST);
            if (!wanted.equals(Digests.ofText(rest.toString()))) {
                throw damaged(file, "its content is not what its digest says");
            }
            SortedMap<String, String> parts = new TreeMap<>();
            state.object("key")
                    .ifPresent(object -> object.keys().forEach(name -> parts.put(name, object.string(name))));
            List<String> digests = state.strings(results(new RunKey(parts)));
            if (digests.size() != state.integer("layers_done", 0, layers)) {
                throw damaged(file, "expected one digest of results for each finished layer");
            }
            return new StateFile(new RunKey(parts), digests, state.string("stream_crc32c"));
        } catch (CheckpointException e) {
            throw damaged(file, e.problem());
        }
    }

    /// Writes the file, whole or not at all.
    void write(Path file) {
        ObjectNode state = new JsonMapper().createObjectNode();
        state.put("schema", SCHEMA);
        state.put("tool", RunDirectory.TOOL);
        key.parts().forEach(state.putObject("key")::put);
        state.put("layers_done", layersDone());
        digests.forEach(state.putArray(results(key))::add);
        state.put("stream_crc32c", streamChecksum);
        state.put(DIGEST, Digests.ofText(state.toString()));
        AtomicFiles.write(file, state.toPrettyString());
    }

    private static String results(RunKey key) {
        return key.parts().containsKey(STATISTICS) ? "solved_sha256" : "statistics_sha256";
    }

    /// Returns the refusal of a state that cannot be gone on from.
    static StatisticsException damaged(Path file, String problem) {
        return new StatisticsException(file, "damaged: %s; use --fresh to start again".formatted(problem));
    }

    /// Returns a checksum in hexadecimal digits.
    static String digits(int checksum) {
        return String.format(Locale.ROOT, "%08x", checksum);
    }
}
