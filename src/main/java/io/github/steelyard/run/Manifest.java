package io.github.steelyard.run;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.draw.DrawsJson;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.statistics.StatisticsException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// `manifest.json`: what a run calibrated, on what, how and where. The statistics themselves do not depend on it.
///
/// @param checkpoint the calibrated checkpoint
/// @param recipe the recipe, by the digest of its resolved form, and what was set over its file
/// @param data the calibration text; of several texts, the digest of their digests
/// @param sequences sequences that ran
/// @param tokens tokens that ran
/// @param draws what was drawn, where that was done in rounds
/// @param portions what was measured of which texts, by digest; empty where it was all of `data`
/// @param settings choices that statistics depend on: `experts`, `max_length`, …
/// @param statisticsDigest SHA-256 of `statistics.safetensors` in hexadecimal digits
/// @param solved SHA-256 of each file of what was solved, by its name; empty where nothing was
/// @param provenance tool, machine and time
public record Manifest(
        Input checkpoint,
        RecipeInput recipe,
        DataInput data,
        long sequences,
        long tokens,
        Optional<Draws> draws,
        List<Portion> portions,
        SortedMap<String, String> settings,
        String statisticsDigest,
        SortedMap<String, String> solved,
        Provenance provenance) {

    /// What keys of settings begin with that are the digests of adapters, by name.
    public static final String ADAPTER = "adapter.";

    private static final int SCHEMA = 1;
    private static final String SOLVED = "solved";

    /// One input of a run.
    ///
    /// @param path where it was, as it was given; a path of this system
    /// @param digest SHA-256 in hexadecimal digits of what identifies its content
    public record Input(String path, String digest) {}

    /// The calibration text of a run.
    ///
    /// @param path where it was, as it was given; several sources, if there were several
    /// @param digest SHA-256 in hexadecimal digits of the sequences
    /// @param files the files, in order; none if it was one plain file
    public record DataInput(String path, String digest, List<DataFile> files) {
        public DataInput {
            files = List.copyOf(files);
        }
    }

    /// A file that calibration text was read from.
    ///
    /// @param path where it was
    /// @param digest SHA-256 of its bytes in hexadecimal digits
    /// @param documents its documents that were used
    /// @param tokens its tokens that were used
    public record DataFile(String path, String digest, long documents, long tokens) {}

    /// The recipe of a run.
    ///
    /// @param path where it was, as it was given; of a shipped one, what names it
    /// @param digest SHA-256 in hexadecimal digits of its resolved form
    /// @param settings what was set over what the file says, `KEY=VALUE` in order
    public record RecipeInput(String path, String digest, List<String> settings) {
        public RecipeInput {
            settings = List.copyOf(settings);
        }
    }

    public Manifest {
        portions = List.copyOf(portions);
        settings = Collections.unmodifiableSortedMap(new TreeMap<>(settings));
        solved = Collections.unmodifiableSortedMap(new TreeMap<>(solved));
    }

    /// Returns this manifest for another recipe with the same statistics.
    public Manifest withRecipe(RecipeInput other) {
        return new Manifest(
                checkpoint,
                other,
                data,
                sequences,
                tokens,
                draws,
                portions,
                settings,
                statisticsDigest,
                solved,
                provenance);
    }

    /// Returns the key that the run was begun under.
    public RunKey key() {
        TreeMap<String, String> parts = new TreeMap<>(settings);
        parts.put(RunKey.CHECKPOINT, checkpoint.digest());
        parts.put(RunKey.DATA, data.digest());
        if (!portions.isEmpty()) {
            parts.put(RunKey.PART, Portion.described(portions));
        }
        return new RunKey(parts);
    }

    /// Returns the settings of a run with a key: what a manifest does not say elsewhere.
    public static SortedMap<String, String> settings(RunKey key) {
        TreeMap<String, String> settings = new TreeMap<>(key.parts());
        settings.keySet().removeAll(Set.of(RunKey.CHECKPOINT, RunKey.DATA, RunKey.PART));
        return settings;
    }

    /// Returns the names of the adapters that were applied, in the order in which statistics count them.
    public List<String> adapters() {
        return settings.keySet().stream()
                .filter(key -> key.startsWith(ADAPTER))
                .map(key -> key.substring(ADAPTER.length()))
                .toList();
    }

    /// Reads a manifest.
    ///
    /// @throws StatisticsException if it is missing, damaged or of another version
    static Manifest read(Path file) {
        try {
            ConfigJson json = ConfigJson.read(file);
            int schema = json.integer("schema", 0, Integer.MAX_VALUE);
            if (schema != SCHEMA) {
                throw new StatisticsException(
                        file, String.format(Locale.ROOT, "schema: expected %d, found %d", SCHEMA, schema));
            }
            return new Manifest(
                    input(json, "checkpoint"),
                    recipe(json),
                    data(json),
                    count(json, "sequences"),
                    count(json, "tokens"),
                    DrawsJson.read(json),
                    PortionsJson.read(json),
                    texts(section(json, "settings")),
                    section(json, "statistics").string("digest"),
                    json.object(SOLVED).map(Manifest::texts).orElseGet(TreeMap::new),
                    provenance(file, json));
        } catch (CheckpointException e) {
            throw new StatisticsException(file, e.problem(), e);
        }
    }

    /// Returns whether a file is a manifest of this program, of any version.
    static boolean isOurs(Path file) {
        try {
            return !Files.isSymbolicLink(file)
                    && ConfigJson.read(file).stringOr("tool", "").equals(RunDirectory.TOOL);
        } catch (CheckpointException e) {
            return false;
        }
    }

    /// Returns the UTF-8 bytes of the file.
    byte[] bytes() {
        ObjectNode json = new JsonMapper().createObjectNode();
        json.put("schema", SCHEMA);
        json.put("tool", RunDirectory.TOOL);
        put(json, "checkpoint", checkpoint);
        ObjectNode used = json.putObject("recipe").put("path", recipe.path()).put("digest", recipe.digest());
        if (!recipe.settings().isEmpty()) {
            ArrayNode set = used.putArray("set");
            recipe.settings().forEach(set::add);
        }
        put(json, data);
        json.put("sequences", sequences);
        json.put("tokens", tokens);
        draws.ifPresent(drawn -> DrawsJson.put(json, drawn));
        PortionsJson.put(json, portions);
        put(json, "settings", settings);
        json.putObject("statistics").put("digest", statisticsDigest);
        if (!solved.isEmpty()) {
            put(json, SOLVED, solved);
        }
        json.put("tool_version", provenance.toolVersion());
        json.put("created", provenance.created().toString());
        put(json, "environment", new TreeMap<>(provenance.environment()));
        return (json.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static void put(ObjectNode json, String key, Input input) {
        json.putObject(key).put("path", input.path()).put("digest", input.digest());
    }

    private static void put(ObjectNode json, String key, SortedMap<String, String> texts) {
        ObjectNode section = json.putObject(key);
        texts.forEach(section::put);
    }

    private static void put(ObjectNode json, DataInput data) {
        putFiles(json.putObject("data").put("path", data.path()).put("digest", data.digest()), data);
    }

    static void putFiles(ObjectNode section, DataInput data) {
        if (!data.files().isEmpty()) {
            ArrayNode files = section.putArray("files");
            data.files()
                    .forEach(file -> files.addObject()
                            .put("path", file.path())
                            .put("digest", file.digest())
                            .put("documents", file.documents())
                            .put("tokens", file.tokens()));
        }
    }

    private static DataInput data(ConfigJson json) {
        ConfigJson section = section(json, "data");
        return new DataInput(section.fileName("path").toString(), section.string("digest"), files(section));
    }

    static List<DataFile> files(ConfigJson section) {
        return section.objects("files").stream()
                .map(file -> new DataFile(
                        file.fileName("path").toString(),
                        file.string("digest"),
                        count(file, "documents"),
                        count(file, "tokens")))
                .toList();
    }

    private static ConfigJson section(ConfigJson json, String key) {
        return json.object(key).orElseThrow(() -> json.unsuitable(key, "an object"));
    }

    private static RecipeInput recipe(ConfigJson json) {
        Input input = input(json, "recipe");
        return new RecipeInput(
                input.path(), input.digest(), section(json, "recipe").strings("set"));
    }

    private static Input input(ConfigJson json, String key) {
        ConfigJson section = section(json, key);
        return new Input(section.fileName("path").toString(), section.string("digest"));
    }

    static long count(ConfigJson json, String key) {
        double number = json.number(key);
        long count = (long) number;
        if (count < 0 || count != number) {
            throw json.unsuitable(key, "a count");
        }
        return count;
    }

    private static SortedMap<String, String> texts(ConfigJson section) {
        SortedMap<String, String> texts = new TreeMap<>();
        section.keys().forEach(key -> texts.put(key, section.string(key)));
        return texts;
    }

    private static Provenance provenance(Path file, ConfigJson json) {
        String created = json.string("created");
        try {
            Map<String, String> environment = texts(section(json, "environment"));
            return new Provenance(json.string("tool_version"), Instant.parse(created), environment);
        } catch (DateTimeParseException e) {
            throw new StatisticsException(file, "created: expected a time in UTC, found '%s'".formatted(created), e);
        }
    }
}
