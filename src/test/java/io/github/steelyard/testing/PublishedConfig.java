package io.github.steelyard.testing;

import io.github.steelyard.family.Families;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.Decoder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// The config values of published models, in `src/test/resources/configs`.
public final class PublishedConfig {

    private PublishedConfig() {}

    /// Returns the config of `model`, copied to `directory`.
    public static ConfigJson of(String model, Path directory) {
        return edited(model, directory, "", "");
    }

    /// Returns the same with the first occurrence of `text` replaced.
    public static ConfigJson edited(String model, Path directory, String text, String replacement) {
        try (InputStream resource = PublishedConfig.class.getResourceAsStream("/configs/" + model + ".json")) {
            if (resource == null) {
                throw new AssertionError("no config of " + model);
            }
            String json = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
            if (!json.contains(text)) {
                throw new AssertionError("config of %s has no '%s'".formatted(model, text));
            }
            int at = json.indexOf(text);
            String edited = json.substring(0, at) + replacement + json.substring(at + text.length());
            return ConfigJson.read(Files.writeString(directory.resolve("config.json"), edited));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns the model of the config.
    public static Decoder decoder(String model, Path directory) {
        return Families.of(of(model, directory));
    }
}
