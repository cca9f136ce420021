package io.github.steelyard.dossier;

import io.github.steelyard.chart.Html;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// An export on the page.
final class ExportSection {

    private ExportSection() {}

    static void add(Html page, String id, ExportSheet export) {
        page.open("section", "id", id).element("h2", "Export " + export.directory());
        Page.facts(page, export.facts());
        page.element("h3", "Bytes");
        List<List<String>> rows = new ArrayList<>();
        long before = 0;
        long after = 0;
        for (ExportSheet.Bytes kind : export.bytes()) {
            rows.add(row(kind.kind(), Integer.toString(kind.modules()), kind.before(), kind.after()));
            before += kind.before();
            after += kind.after();
        }
        rows.add(row("together", "", before, after));
        page.table(
                "Bytes of tensors, before as " + (export.before().equals("source") ? "in the source" : "BF16"),
                List.of("modules", "count", "before", "after", "share"),
                rows);
        page.table(
                "Formats of modules",
                List.of("format", "modules"),
                export.formats().entrySet().stream()
                        .map(format -> List.of(format.getKey(), Long.toString(format.getValue())))
                        .toList());
        page.table(
                "What was left unquantised",
                List.of("modules", "count", "first", "rule"),
                export.untouched().stream()
                        .map(group -> List.of(
                                group.kind(),
                                Integer.toString(group.count()),
                                group.first(),
                                group.rule().orElse("its run is not on this page")))
                        .toList());
        page.element("h3", "Verification")
                .element("p", export.sound() ? "Sound: nothing found that prevents use." : "Not sound.");
        Page.remarks(page, export.remarks());
        page.close("section");
    }

    private static List<String> row(String kind, String modules, long before, long after) {
        String share = before == 0 ? "" : String.format(Locale.ROOT, "%.1f %%", 100.0 * after / before);
        return List.of(kind, modules, Long.toString(before), Long.toString(after), share);
    }
}
