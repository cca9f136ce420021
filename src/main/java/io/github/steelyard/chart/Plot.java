package io.github.steelyard.chart;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Bars and lines.
public final class Plot {

    private static final int WIDTH = 640;
    private static final int HEIGHT = 220;
    private static final int LEFT = 56;
    private static final int TOP = 12;
    private static final int BASE = HEIGHT - 40;

    private Plot() {}

    /// A bar of a histogram.
    ///
    /// @param label what falls into it
    /// @param value how much does
    public record Bar(String label, double value) {}

    /// Adds a histogram.
    public static void bars(Html page, String title, String axis, List<Bar> bars) {
        double most = bars.stream().mapToDouble(Bar::value).max().orElse(0);
        begin(page, title);
        grid(page, 0, most);
        double step = (WIDTH - LEFT - 8.0) / Math.max(1, bars.size());
        int every = Math.max(1, (int) Math.ceil(56 / step));
        for (int i = 0; i < bars.size(); i++) {
            double height = most > 0 ? bars.get(i).value / most * (BASE - TOP) : 0;
            page.raw(String.format(
                            Locale.ROOT,
                            "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
                            LEFT + i * step + 1,
                            BASE - height,
                            Math.max(1, step - 2),
                            height))
                    .text(bars.get(i).label + ": " + HeatMap.brief(bars.get(i).value))
                    .raw("</title></rect>");
            if (i % every == 0) {
                label(page, LEFT + i * step + step / 2, BASE + 14, "mid", bars.get(i).label);
            }
        }
        end(page, axis);
    }

    /// A line of a plot.
    ///
    /// @param name what it shows
    /// @param values one for each place; empty for none
    public record Line(String name, List<Optional<Double>> values) {
        public Line {
            values = List.copyOf(values);
        }
    }

    /// Adds lines over the same places.
    ///
    /// @param places what each place is called
    public static void lines(Html page, String title, String axis, List<String> places, List<Line> lines) {
        var all = lines.stream().flatMap(line -> line.values.stream()).flatMap(Optional::stream);
        double[] sorted = all.mapToDouble(value -> value).sorted().toArray();
        if (sorted.length == 0) {
            return;
        }
        double low = Math.min(0, sorted[0]);
        double high = Math.max(sorted[sorted.length - 1], low + 1e-9);
        begin(page, title);
        grid(page, low, high);
        double step = (WIDTH - LEFT - 24.0) / Math.max(1, places.size() - 1);
        int every = Math.max(1, (int) Math.ceil(30 / step));
        for (int i = 0; i < places.size(); i += every) {
            label(page, LEFT + 8 + i * step, BASE + 14, "mid", places.get(i));
        }
        for (int n = 0; n < lines.size(); n++) {
            Line line = lines.get(n);
            StringBuilder path = new StringBuilder();
            boolean drawn = false;
            StringBuilder dots = new StringBuilder();
            for (int i = 0; i < line.values.size(); i++) {
                if (line.values.get(i).isEmpty()) {
                    drawn = false;
                    continue;
                }
                double x = LEFT + 8 + i * step;
                double y = BASE - (line.values.get(i).get() - low) / (high - low) * (BASE - TOP);
                path.append(String.format(Locale.ROOT, "%s%.1f %.1f", drawn ? "L" : "M", x, y));
                dots.append(String.format(
                                Locale.ROOT,
                                "<circle class=\"l%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>",
                                n,
                                x,
                                y))
                        .append(Html.escaped(line.name + " " + places.get(i) + ": "
                                + HeatMap.brief(line.values.get(i).get())))
                        .append("</title></circle>");
                drawn = true;
            }
            page.raw(String.format(Locale.ROOT, "<path class=\"line l%d\" d=\"%s\"/>", n, path))
                    .raw(dots.toString());
        }
        end(page, axis);
        if (lines.size() > 1) {
            page.open("p", "class", "legend");
            for (int n = 0; n < lines.size(); n++) {
                page.raw(String.format(Locale.ROOT, "<i class=\"b%d\"></i>", n)).element("span", lines.get(n).name);
            }
            page.close("p");
        }
    }

    /// Adds one bar whose parts are shares of a whole, and a legend with their numbers.
    public static void shares(Html page, String title, List<Bar> parts) {
        double whole = parts.stream().mapToDouble(Bar::value).sum();
        page.open("figure").element("figcaption", title);
        page.raw(String.format(
                        Locale.ROOT,
                        "<svg class=\"shares\" viewBox=\"0 0 %d 22\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"",
                        WIDTH))
                .text(title)
                .raw("\">");
        double x = 0;
        for (int n = 0; n < parts.size(); n++) {
            double width = whole > 0 ? parts.get(n).value / whole * WIDTH : 0;
            page.raw(String.format(
                            Locale.ROOT,
                            "<rect class=\"b%d\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"22\"><title>",
                            n,
                            x,
                            width))
                    .text(parts.get(n).label)
                    .raw("</title></rect>");
            x += width;
        }
        page.raw("</svg>").open("p", "class", "legend");
        for (int n = 0; n < parts.size(); n++) {
            page.raw(String.format(Locale.ROOT, "<i class=\"b%d\"></i>", n))
                    .element(
                            "span",
                            String.format(
                                    Locale.ROOT,
                                    "%s %s (%.1f %%)",
                                    parts.get(n).label,
                                    HeatMap.brief(parts.get(n).value),
                                    whole > 0 ? 100 * parts.get(n).value / whole : 0));
        }
        page.close("p").close("figure");
    }

    private static void begin(Html page, String title) {
        page.open("figure")
                .element("figcaption", title)
                .open("div", "class", "scroll")
                .raw(String.format(
                        Locale.ROOT,
                        "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"",
                        WIDTH,
                        HEIGHT,
                        WIDTH))
                .text(title)
                .raw("\">");
    }

    private static void grid(Html page, double low, double high) {
        for (int i = 0; i <= 4; i++) {
            double value = low + (high - low) * i / 4;
            double y = BASE - (BASE - TOP) * i / 4.0;
            page.raw(String.format(Locale.ROOT, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y, WIDTH));
            label(page, LEFT - 6, y + 4, "end", HeatMap.brief(value));
        }
    }

    private static void label(Html page, double x, double y, String anchor, String text) {
        page.raw(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, anchor))
                .text(text)
                .raw("</text>");
    }

    private static void end(Html page, String axis) {
        label(page, LEFT, HEIGHT - 6, "axis", axis);
        page.raw("</svg>").close("div").close("figure");
    }
}
