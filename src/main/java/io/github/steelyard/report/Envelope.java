package io.github.steelyard.report;

import io.github.steelyard.files.Finding;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What every command prints with `--json`: one object, whatever happens.
///
/// ```text
/// {"command": "verify", "ok": true, "result": {…}, "findings": [{"level", "code", "place", "message"}, …]}
/// {"command": "verify", "ok": false, "error": {"message", "path", "line", "exit_code"}, "findings": […]}
/// ```
///
/// - `ok`: whether the exit code is 0. A gate that failed has a `result` and `ok` false
/// - `error`: instead of `result` where the command came to none; `path` and `line` are null where no file is at fault
/// - `findings`: warnings and errors on the way; `level` is `error` or `warning`, `code` the kind and `place` the
///   tensor, module, key or file, each null where there is none
public final class Envelope {

    private Envelope() {}

    /// Why a command came to no result.
    ///
    /// @param message one line
    /// @param path the file at fault; null if there is none
    /// @param line the line of it, from 1; null if unknown
    public record Problem(
            String message, @Nullable String path, @Nullable Long line, int exitCode) {}

    /// Returns the JSON text of a result.
    ///
    /// @param ok whether the exit code is 0
    public static String ofResult(String command, boolean ok, Object result, List<Finding> findings) {
        return text(command, ok, "result", result, findings);
    }

    /// Returns the JSON text of an error.
    public static String ofProblem(String command, Problem problem, List<Finding> findings) {
        return text(command, false, "error", problem, findings);
    }

    private static String text(String command, boolean ok, String key, Object value, List<Finding> findings) {
        Map<String, Object> envelope = new LinkedHashMap<>();
        envelope.put("command", command);
        envelope.put("ok", ok);
        envelope.put(key, value);
        envelope.put("findings", findings.stream().map(Envelope::finding).toList());
        return Json.text(envelope);
    }

    private static Map<String, @Nullable String> finding(Finding finding) {
        Map<String, @Nullable String> fields = new LinkedHashMap<>();
        fields.put("level", finding.level().name().toLowerCase(Locale.ROOT));
        fields.put("code", finding.code().isEmpty() ? null : finding.code());
        fields.put("place", finding.subject().isEmpty() ? null : finding.subject());
        fields.put("message", finding.message());
        return fields;
    }
}
