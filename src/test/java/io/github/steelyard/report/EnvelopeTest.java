package io.github.steelyard.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.files.Finding;
import io.github.steelyard.testing.Json;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class EnvelopeTest {

    private static final String HOSTILE = "\u001b[31m\u007f\u0085\u009b\u2028\u202e\u2066\ufeff\udb40\udc01\"\\";

    @Test
    void result_hasTheKeysInOrder() {
        String text = Envelope.ofResult(
                "verify", true, Map.of("sound", true), List.of(Finding.warning("scale-one", "a.weight", "odd")));

        assertThat(text).isEqualTo("""
                {
                  "command" : "verify",
                  "ok" : true,
                  "result" : {
                    "sound" : true
                  },
                  "findings" : [ {
                    "level" : "warning",
                    "code" : "scale-one",
                    "place" : "a.weight",
                    "message" : "odd"
                  } ]
                }""");
    }

    @Test
    void result_pathsAndWhatMayBeAbsent_arePlain() {
        record Parts(Path path, Optional<Path> there, Optional<List<Integer>> absent) {}

        assertThat(io.github.steelyard.report.Json.text(
                        new Parts(Path.of("a/b"), Optional.of(Path.of("c")), Optional.empty())))
                .isEqualTo("""
                        {
                          "path" : "a/b",
                          "there" : "c",
                          "absent" : null
                        }""");
    }

    @Test
    void problem_takesTheResultsPlace() {
        String text = Envelope.ofProblem(
                "stats", new Envelope.Problem("x: not found", "x", null, 3), List.of(Finding.error("", "", "m")));

        assertThat(text).isEqualTo("""
                {
                  "command" : "stats",
                  "ok" : false,
                  "error" : {
                    "message" : "x: not found",
                    "path" : "x",
                    "line" : null,
                    "exit_code" : 3
                  },
                  "findings" : [ {
                    "level" : "error",
                    "code" : null,
                    "place" : null,
                    "message" : "m"
                  } ]
                }""");
    }

    @Test
    void text_ofForeignFiles_isAsciiAndComesBackWhole() {
        String text = io.github.steelyard.report.Json.text(Map.of(HOSTILE, HOSTILE));

        assertThat(text.chars()).allMatch(c -> c == '\n' || (c >= ' ' && c < 0x7f));
        assertThat(Json.parse(text).get(HOSTILE).textValue()).isEqualTo(HOSTILE);
    }
}
