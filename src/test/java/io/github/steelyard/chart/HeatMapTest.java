package io.github.steelyard.chart;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class HeatMapTest {

    @Test
    void draw_cells_areRunsOfOneColour() {
        Html page = new Html();
        new HeatMap(
                        "m",
                        "Amax",
                        "",
                        List.of(3, 5),
                        List.of(
                                List.of(Optional.of(1.0), Optional.of(1.0), Optional.of(1000.0)),
                                List.of(Optional.of(0.0), Optional.empty(), Optional.of(31.0))))
                .draw(page);
        assertThat(page.toString())
                .contains("<path class=\"c0\" d=\"M0 0.5h2\"/>")
                .contains("<path class=\"c11\" d=\"M2 0.5h1\"/>")
                .contains("<path class=\"c5\" d=\"M2 1.5h1\"/>") // log10 31 = 1.491 of 3: 5.97 of 12
                .contains("<path class=\"zero\" d=\"M0 1.5h1\"/>")
                .contains("<path class=\"none\" d=\"M1 1.5h1\"/>")
                .contains(">3</text>", ">5</text>")
                .contains("<span>1</span>", "<span>1000 (logarithmic)</span>");
    }

    @Test
    void brief_numbers_haveFourDigits() {
        assertThat(HeatMap.brief(12)).isEqualTo("12");
        assertThat(HeatMap.brief(0.123456)).isEqualTo("0.1235");
        assertThat(HeatMap.brief(0.0000123456)).isEqualTo("1.235e-05");
        assertThat(HeatMap.brief(123456.5)).isEqualTo("1.235e+05");
    }
}
