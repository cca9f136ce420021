package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.POJONode;
import com.fasterxml.jackson.databind.util.RawValue;
import java.util.List;
import java.util.Random;

/// Values that programs trip over.
final class HostileValues {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private static final List<String> NUMBERS = List.of(
            "0",
            "-0",
            "1",
            "-1",
            "2",
            "3",
            "7",
            "16",
            "17",
            "127",
            "128",
            "255",
            "256",
            "1000",
            "65535",
            "65536",
            "1048576",
            "1048577",
            "16777216",
            "2147483647",
            "2147483648",
            "-2147483648",
            "4294967295",
            "4294967296",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551616",
            "1e18",
            "1e38",
            "3.5e38",
            "1e308",
            "1e309",
            "-1e400",
            "1e-46",
            "1e-400",
            "0.0",
            "-0.0",
            "0.5",
            "1.5",
            "2.0",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e999999999",
            "0x10",
            "1_000",
            "١",
            "1" + "0".repeat(400));

    private static final List<String> TEXTS = List.of(
            "",
            " ",
            "\u0000",
            "a\u0000b",
            "\u001b[2J\u001b]0;x\u0007",
            "\n",
            "\r\nerror: no",
            "\u202e",
            "\ud800",
            "\udfff\ud800",
            "\ufeff",
            "é\u0301",
            "𝔘",
            "null",
            "true",
            "0",
            "-1",
            "NaN",
            "1e309",
            ".",
            "..",
            "/",
            "../../etc/passwd",
            "/dev/zero",
            "C:\\x",
            "*",
            "**",
            "?*?*?*?*?*",
            "*a*a*a*a*a*a*a*a*a*b",
            "[",
            "[!",
            "]",
            "[a-",
            "[z-a]",
            "\\",
            "re:",
            "re:(",
            "re:.*",
            "re:(a+)+$",
            "re:(?:(?:a{0}){9999}){9999}z",
            "re:(.*)*(.*)*(.*)*z",
            "re:a{99999}",
            "re:\\1",
            "re:(?<x>a)",
            "re:^(?!.*gate).*$",
            "re:[^]",
            "%s%n%d",
            "${x}",
            "@file",
            "-",
            "--json",
            "model.layers.0.mlp.experts.0",
            "model.layers.99999999999.mlp",
            "model.layers.-1.mlp",
            "model.layers.0.mlp.experts.1.down_proj",
            "lm_head",
            "Linear",
            "x".repeat(300),
            "y".repeat(100_000),
            "*".repeat(2000),
            "a.".repeat(5000),
            "\u0001".repeat(500));

    private HostileValues() {}

    /// Returns any value: a number, a text, a literal, an empty or a deep or a long container.
    static JsonNode any(Random random) {
        return switch (random.nextInt(16)) {
            case 0, 1, 2, 3, 4, 5 -> number(random);
            case 6, 7, 8, 9 -> text(random);
            case 10 -> NODES.nullNode();
            case 11 -> NODES.booleanNode(random.nextBoolean());
            case 12 -> NODES.arrayNode();
            case 13 -> NODES.objectNode();
            case 14 -> deep(random);
            default -> wide(random);
        };
    }

    static JsonNode number(Random random) {
        return random.nextInt(3) == 0 ? NODES.numberNode(random.nextInt(40) - 4) : raw(pick(NUMBERS, random));
    }

    static JsonNode text(Random random) {
        return NODES.textNode(pick(TEXTS, random));
    }

    /// Returns a number beside the one given.
    static JsonNode near(JsonNode number, Random random) {
        double value = number.doubleValue();
        long whole = number.longValue();
        return switch (random.nextInt(8)) {
            case 0 -> NODES.numberNode(whole + 1);
            case 1 -> NODES.numberNode(whole - 1);
            case 2 -> NODES.numberNode(whole * 2);
            case 3 -> NODES.numberNode(whole / 2);
            case 4 -> NODES.numberNode(-value);
            case 5 -> NODES.numberNode(whole * 1000);
            case 6 -> NODES.numberNode(value + 0.5);
            default -> NODES.numberNode(value * 1e30);
        };
    }

    static <T> T pick(List<T> values, Random random) {
        return values.get(random.nextInt(values.size()));
    }

    private static JsonNode deep(Random random) {
        int depth = 1 << (1 + random.nextInt(13));
        return random.nextBoolean()
                ? raw("[".repeat(depth) + "]".repeat(depth))
                : raw("{\"a\":".repeat(depth) + "1" + "}".repeat(depth));
    }

    private static JsonNode wide(Random random) {
        int width = 1 << random.nextInt(14);
        String element = random.nextBoolean() ? pick(NUMBERS, random) : "\"model.layers.0\"";
        return raw("[" + (element + ",").repeat(width) + element + "]");
    }

    private static JsonNode raw(String text) {
        return new POJONode(new RawValue(text));
    }
}
