package io.github.steelyard.chart;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class HtmlTest {

    @Test
    void text_thatIsMarkup_staysText() {
        Html page = new Html()
                .open("p", "title", "\" onclick='x'")
                .text("</script><b>&\u202e\u0007")
                .close("p");
        assertThat(page.toString())
                .startsWith("<p title=\"&quot; onclick=&#39;x&#39;\">&lt;/script&gt;&lt;b&gt;&amp;")
                .endsWith("</p>")
                .doesNotContain("\u202e", "\u0007");
    }

    @Test
    void table_columnsOfNumbers_areMarked() {
        String table = new Html()
                .table(
                        "c",
                        List.of("name", "amax", "share"),
                        List.of(List.of("a", "1.5E-4", "12.5 %"), List.of("b", "", "3")))
                .toString();
        assertThat(table)
                .contains("<tr><td class=\"t\">a</td><td class=\"n\">1.5E-4</td><td class=\"n\">12.5 %</td></tr>")
                .contains("<th scope=\"col\" class=\"t\">name</th><th scope=\"col\" class=\"n\">amax</th>");
    }
}
