package io.github.steelyard.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/// A number for each expert of each layer, as colours of a logarithmic scale.
///
/// Cells of one colour are one path, a step of a row for each run of equal cells: 48 layers of 256 experts take some
/// tens of kilobytes.
///
/// @param id unique on its page
/// @param title what the numbers are
/// @param unit what they are counted in; empty for none
/// @param layers the index of each layer that has experts
/// @param values for each layer one number for each expert; empty where there is none. Layers may have different
///     numbers of experts
public record HeatMap(String id, String title, String unit, List<Integer> layers, List<List<Optional<Double>>> values) {

    private static final int COLOURS = 12;
    private static final int WIDEST = 1040;
    private static final int LEFT = 44;
    private static final int TOP = 6;
    private static final int BOTTOM = 34;

    public HeatMap {
        layers = List.copyOf(layers);
        values = values.stream().map(List::copyOf).toList();
    }

    private int columns() {
        return values.stream().mapToInt(List::size).max().orElse(0);
    }

    private OptionalDouble extreme(boolean largest) {
        var positive = values.stream()
                .flatMap(List::stream)
                .flatMap(Optional::stream)
                .mapToDouble(value -> value)
                .filter(value -> value > 0);
        return largest ? positive.max() : positive.min();
    }

    /// Adds the drawing, its legend, and a place where the number below the pointer is shown.
    public void draw(Html page) {
        int columns = columns();
        int width = Math.clamp((WIDEST - LEFT) / Math.max(1, columns), 3, 22);
        int height = Math.clamp(480 / Math.max(1, values.size()), 7, 22);
        page.open("figure", "class", "map", "data-map", id)
                .element("figcaption", unit.isEmpty() ? title : title + ", " + unit);
        int total = LEFT + columns * width + 8;
        int tall = TOP + values.size() * height + BOTTOM;
        page.open("div", "class", "scroll")
                .open(
                        "svg",
                        "viewBox",
                        String.format(Locale.ROOT, "0 0 %d %d", total, tall),
                        "width",
                        Integer.toString(total),
                        "role",
                        "img",
                        "aria-label",
                        title);
        page.raw(String.format(
                Locale.ROOT,
                "<g class=\"cells\" data-w=\"%d\" data-h=\"%d\" transform=\"translate(%d %d) scale(%d %d)\">",
                width,
                height,
                LEFT,
                TOP,
                width,
                height));
        paths(page);
        page.raw("</g>");
        axes(page, columns, width, height);
        page.raw("</svg>").close("div");
        legend(page);
        page.raw("<p class=\"reading\" aria-live=\"polite\"></p>").close("figure");
    }

    private void paths(Html page) {
        List<StringBuilder> paths = new ArrayList<>();
        for (int i = 0; i < COLOURS + 2; i++) {
            paths.add(new StringBuilder());
        }
        double low = Math.log(extreme(false).orElse(1));
        double high = Math.log(extreme(true).orElse(1));
        for (int row = 0; row < values.size(); row++) {
            List<Optional<Double>> cells = values.get(row);
            for (int from = 0; from < cells.size(); ) {
                int colour = colour(cells.get(from), low, high);
                int to = from + 1;
                while (to < cells.size() && colour(cells.get(to), low, high) == colour) {
                    to++;
                }
                paths.get(colour).append(String.format(Locale.ROOT, "M%d %d.5h%d", from, row, to - from));
                from = to;
            }
        }
        for (int colour = 0; colour < paths.size(); colour++) {
            if (!paths.get(colour).isEmpty()) {
                page.raw("<path class=\"%s\" d=\"%s\"/>".formatted(name(colour), paths.get(colour)));
            }
        }
    }

    /// Returns the colour of a cell, with the logarithms of the ends of the scale: 0 for no number, 1 for zero, then
    /// those of the scale.
    private static int colour(Optional<Double> cell, double low, double high) {
        if (cell.isEmpty() || !(cell.get() > 0)) {
            return cell.isEmpty() ? 0 : 1;
        }
        double place = high > low ? (Math.log(cell.get()) - low) / (high - low) : 1;
        return 2 + Math.min(COLOURS - 1, (int) (place * COLOURS));
    }

    private static String name(int colour) {
        return colour == 0 ? "none" : colour == 1 ? "zero" : "c" + (colour - 2);
    }

    private void axes(Html page, int columns, int width, int height) {
        int rows = values.size();
        int everyRow = Math.max(1, Math.ceilDiv(14, height));
        for (int row = 0; row < rows; row += everyRow) {
            page.raw(String.format(
                    Locale.ROOT,
                    "<text x=\"%d\" y=\"%d\" class=\"end\">%d</text>",
                    LEFT - 6,
                    TOP + row * height + height / 2 + 4,
                    layers.get(row)));
        }
        int everyColumn = step(Math.ceilDiv(34, width));
        int base = TOP + rows * height + 14;
        for (int column = 0; column < columns; column += everyColumn) {
            page.raw(String.format(
                    Locale.ROOT,
                    "<text x=\"%d\" y=\"%d\" class=\"mid\">%d</text>",
                    LEFT + column * width + width / 2,
                    base,
                    column));
        }
        page.raw(String.format(Locale.ROOT, "<text x=\"%d\" y=\"%d\" class=\"axis\">expert</text>", LEFT, base + 16));
        page.raw(String.format(
                Locale.ROOT,
                "<text x=\"10\" y=\"%d\" class=\"axis\" transform=\"rotate(-90 10 %d)\">layer</text>",
                TOP + rows * height / 2 + 14,
                TOP + rows * height / 2 + 14));
    }

    private static int step(int least) {
        int step = 1;
        while (step < least) {
            step *= 2;
        }
        return step;
    }

    private void legend(Html page) {
        OptionalDouble low = extreme(false);
        OptionalDouble high = extreme(true);
        page.open("p", "class", "legend");
        if (low.isPresent()) {
            page.element("span", brief(low.getAsDouble()));
            for (int i = 0; i < COLOURS; i++) {
                page.raw(String.format(Locale.ROOT, "<i class=\"c%d\"></i>", i));
            }
            page.element("span", brief(high.getAsDouble()) + " (logarithmic)");
        }
        if (values.stream().flatMap(List::stream).anyMatch(cell -> cell.isPresent() && !(cell.get() > 0))) {
            page.raw("<i class=\"zero\"></i>").element("span", "0");
        }
        if (values.stream().flatMap(List::stream).anyMatch(Optional::isEmpty)) {
            page.raw("<i class=\"none\"></i>").element("span", "none");
        }
        page.close("p");
    }

    /// Returns a number with four digits.
    public static String brief(double value) {
        double magnitude = Math.abs(value);
        return value == Math.rint(value) && magnitude < 1e7
                ? String.format(Locale.ROOT, "%.0f", value)
                : String.format(Locale.ROOT, magnitude < 1e-3 || magnitude >= 1e5 ? "%.3e" : "%.4g", value);
    }
}
