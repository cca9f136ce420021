package io.github.steelyard.dossier;

import io.github.steelyard.chart.HeatMap;
import io.github.steelyard.chart.Html;
import io.github.steelyard.dossier.Dossier.Fact;
import io.github.steelyard.dossier.Dossier.Remark;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/// The page: one file that asks for nothing. A policy in it forbids the browser to load anything.
final class Page {

    private static final String POLICY =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

    private Page() {}

    static String of(Dossier dossier) {
        Html page = new Html();
        page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .raw("<meta name=\"generator\" content=\"steelyard\">\n")
                .open("meta", "http-equiv", "Content-Security-Policy", "content", POLICY)
                .raw("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
                .raw("<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n")
                .raw("<title>Steelyard report</title>\n<style>\n")
                .raw(resource("page.css"))
                .raw("</style>\n</head>\n<body>\n<header><h1>Steelyard report</h1>");
        page.element("p", "Version " + dossier.version()).raw("</header>\n<nav><ul>");
        List<String> titles = new ArrayList<>();
        dossier.runs().forEach(run -> titles.add("Run " + run.directory()));
        dossier.exports().forEach(export -> titles.add("Export " + export.directory()));
        dossier.evaluations().forEach(evaluation -> titles.add("Evaluation " + evaluation.file()));
        for (int i = 0; i < titles.size(); i++) {
            page.open("li").element("a", titles.get(i), "href", "#s" + i).close("li");
        }
        page.raw("</ul></nav>\n<main>\n");
        int section = 0;
        for (RunSheet run : dossier.runs()) {
            RunSection.add(page, "s" + section++, run);
        }
        for (ExportSheet export : dossier.exports()) {
            ExportSection.add(page, "s" + section++, export);
        }
        for (EvaluationSheet evaluation : dossier.evaluations()) {
            EvaluationSection.add(page, "s" + section++, evaluation);
        }
        page.raw("</main>\n<script type=\"application/json\" id=\"maps\">")
                .raw(maps(dossier))
                .raw("</script>\n<script>\n")
                .raw(resource("page.js"))
                .raw("</script>\n</body>\n</html>\n");
        return page.toString();
    }

    /// The numbers of heat maps for the script that shows the one below the pointer.
    private static String maps(Dossier dossier) {
        return dossier.runs().stream()
                .flatMap(run -> run.maps().stream())
                .map(map -> "\"%s\":{\"layers\":%s,\"values\":[%s]}"
                        .formatted(
                                map.id(),
                                map.layers(),
                                map.values().stream().map(Page::row).collect(Collectors.joining(","))))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String row(List<Optional<Double>> row) {
        return row.stream()
                .map(cell ->
                        cell.map(HeatMap::brief).map(text -> "\"" + text + "\"").orElse("null"))
                .collect(Collectors.joining(",", "[", "]"));
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(Page.class.getResourceAsStream("/dossier/" + name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void facts(Html page, List<Fact> facts) {
        page.open("dl");
        facts.forEach(fact -> page.element("dt", fact.name()).element("dd", fact.value()));
        page.close("dl");
    }

    static void remarks(Html page, List<Remark> remarks) {
        if (remarks.isEmpty()) {
            page.element("p", "No warnings and no errors.");
            return;
        }
        page.open("ul", "class", "remarks");
        remarks.forEach(remark -> page.open("li", "class", remark.level())
                .element("b", remark.level() + (remark.code().isEmpty() ? "" : " " + remark.code()))
                .text(" " + remark.message())
                .close("li"));
        page.close("ul");
    }

    /// Returns a number that may be absent as JSON has it.
    static String number(Optional<? extends Number> number) {
        return number.map(Object::toString).orElse("");
    }
}
