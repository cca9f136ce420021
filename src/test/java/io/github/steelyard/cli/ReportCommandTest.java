package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Chromium;
import io.github.steelyard.testing.Json;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `report` over the command line, and its page in a browser.
final class ReportCommandTest {

    private static final Pattern SITES = Pattern.compile("<div class=\"sites\">(.*?)</table>", Pattern.DOTALL);
    private static final Pattern ROW = Pattern.compile("<tr>(<td.*?)</tr>");
    private static final Pattern CELL = Pattern.compile("<td class=\".\">(.*?)</td>");
    // The number under which Chromium's loader of what pages ask for goes; the browser asks for other things itself.
    private static final Pattern ADDRESS =
            Pattern.compile("\"traffic_annotation\":101845102,\"url\":\"(https?:[^\"]*)\"");

    @TempDir
    private Path temp;

    private Path run;
    private Path export;
    private Path evaluation;
    private Path page;

    @Test
    void page_ofEverything_isTheSameTwiceAndAsksForNothing() throws IOException {
        report();
        String html = Files.readString(page);
        String json = Files.readString(temp.resolve("report.json"));
        CommandRun.of("report", evaluation, export, run, "--out", page).expect(ExitCode.OK);
        assertThat(Files.readString(page)).isEqualTo(html);
        assertThat(Files.readString(temp.resolve("report.json"))).isEqualTo(json);
        assertThat(html).doesNotContain("http:", "https:", "src=", "@import", "url(");

        JsonNode data = Json.parse(json);
        assertThat(data.get("exports").get(0).get("sound").booleanValue()).isTrue();
        assertThat(data.get("exports").get(0).get("before").textValue()).isEqualTo("source");
        JsonNode bytes = data.get("exports").get(0).get("bytes");
        assertThat(sum(bytes, "after")).isEqualTo(tensorBytes(export));
        assertThat(sum(bytes, "before")).isEqualTo(tensorBytes(CommandRun.model("bf16")));
        JsonNode against = data.get("evaluations").get(0).get("against");
        assertThat(against.get("kl_divergence"))
                .isEqualTo(Json.parse(Files.readString(evaluation))
                        .get("result")
                        .get("against")
                        .get("kl_divergence"));
        assertThat(html).contains("routers are never quantised", ": *lm_head*");
    }

    @Test
    void tables_haveTheNumbersOfStats() throws IOException {
        report();
        requireNumbersOfStats(Files.readString(page));
    }

    @Test
    void page_inABrowser_hasNoErrorAsksForNothingAndShowsTheNumbers() throws IOException, InterruptedException {
        Chromium chromium = Chromium.orSkip(temp);
        report();
        Path net = temp.resolve("net.json");
        Path other = temp.resolve("other.json");
        Path asking = Files.writeString(temp.resolve("asking.html"), "<img src='http://localhost:1/x.png'>");
        Chromium.Run shown = chromium.open(page, "--dump-dom", "--log-net-log=" + net);
        chromium.open(asking, "--dump-dom", "--log-net-log=" + other);

        assertThat(shown.log()).doesNotContain("CONSOLE", "Refused to");
        assertThat(addresses(other)).containsExactly("http://localhost:1/x.png");
        assertThat(addresses(net)).isEmpty();
        requireNumbersOfStats(shown.out().replaceAll("</?button[^>]*>", ""));

        int light = background(chromium, "light", 1200);
        int dark = background(chromium, "dark", 1200, "--blink-settings=preferredColorScheme=0");
        assertThat(light & 0xff).isGreaterThan(200);
        assertThat(dark & 0xff).isLessThan(60);
        assertThat(background(chromium, "narrow", 400)).isEqualTo(light);
        assertThat(widthNeeded(chromium)).isEqualTo("fits");
    }

    @Test
    void page_withoutRun_saysWhatItDoesNotKnow() throws IOException {
        prepare();
        CommandRun.of("report", export, "--out", page).expect(ExitCode.OK);
        assertThat(Files.readString(page)).contains("before as BF16", "its run is not on this page");
    }

    @Test
    void whatIsNoInputAndForeignFiles_areRefused() throws IOException {
        Path foreign = Files.writeString(temp.resolve("foreign.html"), "<p>mine");
        Path model = CommandRun.model("bf16");
        assertThat(CommandRun.of("report", model, "--out", foreign)
                        .expect(ExitCode.USAGE)
                        .err())
                .isEqualTo("error: %s: is there, and no report of this program\n".formatted(foreign));
        assertThat(Files.readString(foreign)).isEqualTo("<p>mine");
        Path out = temp.resolve("out.html");
        assertThat(CommandRun.of("report", model, "--out", temp.resolve("out.htm"))
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("the name of a page ends in .html");
        assertThat(CommandRun.of("report", Files.createDirectory(temp.resolve("d")), "--out", out)
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("neither a run nor a checkpoint");
        assertThat(CommandRun.of("report", model.resolve("config.json"), "--out", out)
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("expected what 'evaluate --json' prints");
        assertThat(CommandRun.of("report", temp.resolve("none"), "--out", out)
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("no such file or directory");
        assertThat(out).doesNotExist();
    }

    private void prepare() throws IOException {
        run = temp.resolve("run");
        export = temp.resolve("export");
        page = temp.resolve("report.html");
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"), "--max-sequences", 4)
                .expect(ExitCode.OK);
        CommandRun.of("export", run, "--out", export).expect(ExitCode.OK);
    }

    private void report() throws IOException {
        prepare();
        CommandRun evaluated = CommandRun.of(
                        "evaluate",
                        export,
                        "--fake-quant",
                        "--data",
                        CommandRun.calibrationText(),
                        "--max-sequences",
                        2,
                        "--sequence-length",
                        64,
                        "--against",
                        CommandRun.model("bf16"),
                        "--layers",
                        "--json")
                .expect(ExitCode.OK);
        evaluation = Files.writeString(temp.resolve("evaluation.json"), evaluated.out());
        CommandRun.of("report", run, export, evaluation, "--out", page).expect(ExitCode.OK);
    }

    private void requireNumbersOfStats(String html) {
        Map<String, JsonNode> stats = new TreeMap<>();
        CommandRun.of("stats", run, "--json")
                .expect(ExitCode.OK)
                .json()
                .get("sites")
                .forEach(site -> stats.put(site.get("site").textValue(), site));
        Matcher table = SITES.matcher(html);
        assertThat(table.find()).isTrue();
        Set<String> seen = new TreeSet<>();
        Matcher rows = ROW.matcher(table.group(1));
        while (rows.find()) {
            List<String> cells = CELL.matcher(rows.group(1))
                    .results()
                    .map(cell -> cell.group(1))
                    .toList();
            JsonNode site = stats.get(cells.getFirst());
            seen.add(cells.getFirst());
            List<String> keys = List.of(
                    "site", "amax", "amax_all_tokens", "tokens", "provenance", "scale_amax", "scale_provenance");
            for (int i = 0; i < keys.size(); i++) {
                JsonNode number = site.path(keys.get(i));
                assertThat(cells.get(i))
                        .as("%s of %s", keys.get(i), cells.getFirst())
                        .isEqualTo(number.isNull() ? "" : number.asText());
            }
        }
        assertThat(seen).isEqualTo(stats.keySet());
    }

    private static long sum(JsonNode list, String key) {
        long sum = 0;
        for (JsonNode item : list) {
            sum += item.get(key).longValue();
        }
        return sum;
    }

    private static long tensorBytes(Path checkpoint) {
        try (var opened = Checkpoint.open(checkpoint)) {
            return opened.tensors().values().stream()
                    .mapToLong(tensor -> tensor.byteSize())
                    .sum();
        }
    }

    private static Set<String> addresses(Path log) throws IOException {
        Set<String> addresses = new TreeSet<>();
        ADDRESS.matcher(Files.readString(log)).results().forEach(found -> addresses.add(found.group(1)));
        return addresses;
    }

    /// Returns the colour of the page's upper left corner.
    private int background(Chromium chromium, String name, int width, String... options)
            throws IOException, InterruptedException {
        Path shot = temp.resolve(name + ".png");
        List<String> all = new ArrayList<>(
                List.of("--screenshot=" + shot, "--window-size=" + width + ",2000", "--hide-scrollbars"));
        all.addAll(List.of(options));
        chromium.open(page, all.toArray(String[]::new));
        BufferedImage image = ImageIO.read(shot.toFile());
        assertThat(image.getWidth()).isEqualTo(width);
        return image.getRGB(2, 2);
    }

    /// Opens a page in a frame of 400 pixels, which tells whether anything but scrolling boxes is wider.
    private String widthNeeded(Chromium chromium) throws IOException, InterruptedException {
        // A window is never so narrow; a frame is.
        String framed = Files.readString(page).replace("&", "&amp;").replace("\"", "&quot;");
        Path probed = Files.writeString(temp.resolve("probed.html"), """
                <!DOCTYPE html><title>no frame</title><iframe id="frame" width="400" height="800" srcdoc="%s"></iframe>
                <script>onload = () => {
                    const root = frame.contentDocument.documentElement;
                    document.title = root.clientWidth > 300 && root.scrollWidth <= root.clientWidth
                        ? 'fits' : 'has ' + root.clientWidth + ', needs ' + root.scrollWidth;
                }</script>""".formatted(framed));
        Chromium.Run run = chromium.open(probed, "--dump-dom", "--window-size=1200,1000");
        Matcher title = Pattern.compile("<title>(.*?)</title>").matcher(run.out());
        assertThat(title.find()).isTrue();
        return title.group(1);
    }
}
