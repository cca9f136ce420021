package io.github.steelyard.chart;

import io.github.steelyard.files.Printable;
import java.util.List;

/// A piece of a page under construction. Text goes in by [#text] and by the values of attributes, and cannot become
/// markup there; all else is written by this program.
public final class Html {

    private final StringBuilder page = new StringBuilder();

    /// Adds markup.
    public Html raw(String markup) {
        page.append(markup);
        return this;
    }

    /// Adds markup of another.
    public Html raw(Html other) {
        page.append(other.page);
        return this;
    }

    /// Adds text.
    public Html text(String text) {
        page.append(escaped(text));
        return this;
    }

    /// Opens an element.
    ///
    /// @param attributes names and values in turn
    public Html open(String element, String... attributes) {
        page.append('<').append(element);
        for (int i = 0; i < attributes.length; i += 2) {
            page.append(' ')
                    .append(attributes[i])
                    .append("=\"")
                    .append(escaped(attributes[i + 1]))
                    .append('"');
        }
        page.append('>');
        return this;
    }

    /// Closes an element.
    public Html close(String element) {
        page.append("</").append(element).append('>');
        return this;
    }

    /// Adds an element that holds text.
    ///
    /// @param attributes as of [#open]
    public Html element(String element, String text, String... attributes) {
        return open(element, attributes).text(text).close(element);
    }

    /// Adds a table.
    ///
    /// @param caption what it shows
    /// @param heads a name for each column
    /// @param rows a text for each column, numbers as JSON has them; columns of numbers alone are set right
    public Html table(String caption, List<String> heads, List<List<String>> rows) {
        boolean[] numbers = new boolean[heads.size()];
        for (int i = 0; i < numbers.length; i++) {
            int column = i;
            numbers[i] = !rows.isEmpty() && rows.stream().allMatch(row -> isNumber(row.get(column)));
        }
        open("div", "class", "scroll").open("table").element("caption", caption);
        open("thead").open("tr");
        for (int i = 0; i < numbers.length; i++) {
            element("th", heads.get(i), "scope", "col", "class", numbers[i] ? "n" : "t");
        }
        close("tr").close("thead").open("tbody");
        for (List<String> row : rows) {
            open("tr");
            for (int i = 0; i < numbers.length; i++) {
                element("td", row.get(i), "class", numbers[i] ? "n" : "t");
            }
            close("tr");
        }
        return close("tbody").close("table").close("div");
    }

    private static boolean isNumber(String text) {
        return text.isEmpty() || text.matches("[-+]?[0-9.]+(E[-+]?[0-9]+)?( ?(%|dB))?");
    }

    static String escaped(String text) {
        StringBuilder escaped = new StringBuilder();
        String printable = Printable.of(text);
        for (int i = 0; i < printable.length(); i++) {
            char c = printable.charAt(i);
            switch (c) {
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '&' -> escaped.append("&amp;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }

    @Override
    public String toString() {
        return page.toString();
    }
}
