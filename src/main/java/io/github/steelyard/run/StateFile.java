package io.github.steelyard.run;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.draw.DrawsJson;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.statistics.StatisticsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// `state.json`: how far a run has come, and the digests of all that it goes on from, the file's own among them. It
/// names no file: which one holds what follows from the numbers of rounds and layers.
///
/// @param key what the run was begun with
/// @param rounds the finished rounds
/// @param drawn sequences of these and of the round under way; for a pass that solves, all that were measured
/// @param seconds how long all processes worked on the run until this was written
/// @param draws for a pass that solves, what was drawn before, where that was done in rounds
/// @param layers how far the round under way has come
public record StateFile(
        RunKey key, List<Round> rounds, int drawn, double seconds, Optional<Draws> draws, Layers layers) {

    /// Bytes of a stream that are read or written at a time.
    static final int BLOCK = 1 << 20;

    private static final int SCHEMA = 4;
    private static final String DIGEST = "digest";
    private static final String LEFT_OUT = "rows_left_out";

    /// The part of the key of a pass that solves, beside those of the run: the digest of the run's statistics.
    public static final String STATISTICS = "statistics";

    /// Another such part, once layers are solved: the digest of the scales that they are solved under.
    public static final String SCALES = "scales";

    /// A finished round.
    ///
    /// @param sequences sequences drawn up to its end
    /// @param statisticsDigest SHA-256 of its statistics, in hexadecimal digits
    record Round(int sequences, String statisticsDigest) {}

    /// How far a round has come.
    ///
    /// @param digests SHA-256 of the results of each finished layer, in hexadecimal digits; empty for one without
    /// @param streamChecksum CRC-32C of the residual stream after the last of them, in hexadecimal digits; empty before
    ///     the embedding
    /// @param leftOut for a pass that solves, how many rows of inputs these layers left out
    record Layers(List<String> digests, String streamChecksum, long leftOut) {

        /// None.
        static final Layers NONE = new Layers(List.of(), "", 0);

        Layers {
            digests = List.copyOf(digests);
        }

        /// Returns how many layers are finished.
        int done() {
            return digests.size();
        }
    }

    public StateFile {
        rounds = List.copyOf(rounds);
    }

    /// Returns whether a round is under way.
    boolean isUnderWay() {
        return rounds.isEmpty() || rounds.getLast().sequences < drawn;
    }

    /// Returns whether the round under way has finished layers.
    public boolean hasFinishedLayers() {
        return layers.done() > 0;
    }

    /// Reads the file.
    ///
    /// @param layers layers of the model
    /// @throws StatisticsException if it is damaged or of another version
    public static StateFile read(Path file, int layers) {
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
            List<Round> rounds = rounds(state, file);
            int least = rounds.isEmpty() ? 1 : rounds.getLast().sequences;
            return new StateFile(
                    new RunKey(parts),
                    rounds,
                    state.integer("drawn", least, Integer.MAX_VALUE),
                    state.number("seconds"),
                    DrawsJson.read(state),
                    new Layers(digests, state.string("stream_crc32c"), (long) state.numberOr(LEFT_OUT, 0)));
        } catch (CheckpointException e) {
            throw damaged(file, e.problem());
        }
    }

    private static List<Round> rounds(ConfigJson state, Path file) {
        List<Integer> ends = state.integers("rounds_end");
        List<String> digests = state.strings("rounds_sha256");
        if (ends.size() != digests.size()) {
            throw damaged(file, "expected one digest of statistics for each finished round");
        }
        List<Round> rounds = new ArrayList<>();
        for (int i = 0; i < ends.size(); i++) {
            if (ends.get(i) <= (i == 0 ? 0 : ends.get(i - 1))) {
                throw damaged(file, "expected each round to end after the one before");
            }
            rounds.add(new Round(ends.get(i), digests.get(i)));
        }
        return rounds;
    }

    /// Writes the file, whole or not at all.
    void write(Path file) {
        ObjectNode state = new JsonMapper().createObjectNode();
        state.put("schema", SCHEMA);
        state.put("tool", RunDirectory.TOOL);
        key.parts().forEach(state.putObject("key")::put);
        var ends = state.putArray("rounds_end");
        var digests = state.putArray("rounds_sha256");
        for (Round round : rounds) {
            ends.add(round.sequences);
            digests.add(round.statisticsDigest);
        }
        state.put("drawn", drawn);
        state.put("seconds", seconds);
        draws.ifPresent(found -> DrawsJson.put(state, found));
        state.put("layers_done", layers.done());
        layers.digests.forEach(state.putArray(results(key))::add);
        state.put("stream_crc32c", layers.streamChecksum);
        if (layers.leftOut > 0) {
            state.put(LEFT_OUT, layers.leftOut);
        }
        state.put(DIGEST, Digests.ofText(state.toString()));
        AtomicFiles.write(file, state.toPrettyString());
    }

    private static String results(RunKey key) {
        return key.parts().containsKey(STATISTICS) ? "solved_sha256" : "statistics_sha256";
    }

    /// Returns the refusal of a state that cannot be gone on from.
    public static StatisticsException damaged(Path file, String problem) {
        return new StatisticsException(file, "damaged: %s; use --fresh to start again".formatted(problem));
    }

    /// Returns a checksum in hexadecimal digits.
    static String digits(int checksum) {
        return String.format(Locale.ROOT, "%08x", checksum);
    }
}
