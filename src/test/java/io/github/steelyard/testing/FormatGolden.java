package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.Objects;

/// Reads `golden/format/format.json`, made by `scripts/golden/format.py`: float32 bits and bytes as hexadecimal.
///
/// @param json an object of that file
public record FormatGolden(JsonNode json) {

    /// Returns the whole file.
    public static FormatGolden open() {
        try (InputStream file = FormatGolden.class.getResourceAsStream("/golden/format/format.json")) {
            return new FormatGolden(new ObjectMapper().readTree(Objects.requireNonNull(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns the object `key`.
    public FormatGolden at(String key) {
        return new FormatGolden(json.required(key));
    }

    /// Returns the text of `key`.
    public String text(String key) {
        return json.required(key).asText();
    }

    /// Returns the whole number of `key`.
    public int integer(String key) {
        return json.required(key).intValue();
    }

    /// Returns the bytes of `key`.
    public byte[] bytes(String key) {
        return HexFormat.of().parseHex(json.required(key).asText());
    }

    /// Returns the float32 values of `key`.
    public float[] floats(String key) {
        String hex = json.required(key).asText();
        float[] values = new float[hex.length() / 8];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat(HexFormat.fromHexDigits(hex, 8 * i, 8 * i + 8));
        }
        return values;
    }

    /// Returns the single float32 value of `key`.
    public float number(String key) {
        return floats(key)[0];
    }
}
