package io.github.steelyard.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Turns records, maps, lists and trees into JSON for machines: snake_case keys, in the order of declaration, one
/// layout, in ASCII, so that no text of a foreign file steers the terminal that it is shown on.
public final class Json {

    private static final JsonFactory ASCII = new JsonFactoryBuilder()
            .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .characterEscapes(new Delete())
            .build();

    private static final JsonMapper MAPPER = JsonMapper.builder(ASCII)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .addModule(new SimpleModule()
                    .addSerializer(Path.class, ToStringSerializer.instance)
                    .addSerializer(new Perhaps()))
            .build();

    private Json() {}

    /// Returns `value` as a JSON text.
    public static String text(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no JSON form: %s".formatted(value.getClass()), e);
        }
    }

    /// Returns the keys of two values in one object, those of `first` before those of `second`.
    ///
    /// @throws IllegalArgumentException if one has no JSON form, or none with keys
    public static Object joined(Object first, Object second) {
        ObjectNode both = MAPPER.createObjectNode();
        for (Object part : List.of(first, second)) {
            if (!(MAPPER.valueToTree(part) instanceof ObjectNode keys)) {
                throw new IllegalArgumentException("no keys: %s".formatted(part.getClass()));
            }
            both.setAll(keys);
        }
        return both;
    }

    /// What may be absent is null where it is.
    private static final class Perhaps extends StdSerializer<Optional<?>> {

        private static final long serialVersionUID = 1L;

        private Perhaps() {
            super(Optional.class, false);
        }

        @Override
        public void serialize(Optional<?> value, JsonGenerator json, SerializerProvider provider) throws IOException {
            provider.defaultSerializeValue(value.orElse(null), json);
        }
    }

    /// The one control character of ASCII that JSON need not escape.
    private static final class Delete extends CharacterEscapes {

        private static final long serialVersionUID = 1L;

        @Override
        public int[] getEscapeCodesForAscii() {
            int[] codes = standardAsciiEscapesForJSON();
            codes[0x7f] = ESCAPE_STANDARD;
            return codes;
        }

        @Override
        public @Nullable SerializableString getEscapeSequence(int character) {
            return null;
        }
    }
}
