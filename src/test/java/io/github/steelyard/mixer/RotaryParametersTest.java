package io.github.steelyard.mixer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Cosines at position 1 tell the frequencies; expected values were computed in Python from the published formulas.
final class RotaryParametersTest {

    @TempDir
    private Path directory;

    @Test
    void yarn_ofGptOss_givesPublishedFrequencies() throws IOException {
        Rotary rotary = rotary("""
                {"rope_theta": 150000, "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0,
                 "beta_slow": 1.0, "original_max_position_embeddings": 4096, "truncate": false}}""", 64);

        assertThat(rotary.scaling()).isCloseTo(1.3465736f, within(1e-6f));
        assertFrequency(rotary, 0, 1);
        assertFrequency(rotary, 8, 0.050813274815461475);
        assertFrequency(rotary, 9, 0.03170569618466377);
        assertFrequency(rotary, 13, 0.0038603593171920685);
        assertFrequency(rotary, 17, 0.0001293187012450632);
        assertFrequency(rotary, 18, 3.8308812373753384e-05);
        assertFrequency(rotary, 31, 3.0235114281192144e-07);
    }

    @Test
    void yarn_ofDeepseek_givesPublishedFrequencies() throws IOException {
        Rotary rotary = rotary("""
                {"rope_theta": 10000, "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1,
                 "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096}}""", 64);

        assertThat(rotary.scaling()).isEqualTo(1);
        assertFrequency(rotary, 10, 0.05623413251903491);
        assertFrequency(rotary, 11, 0.03900692656714386);
        assertFrequency(rotary, 22, 0.0001778279410038922);
        assertFrequency(rotary, 23, 3.33380358040831e-05);
    }

    @ParameterizedTest
    @CsvSource({
        "'{\"rope_theta\": 500}', 500, 1",
        "'{\"rope_parameters\": {\"rope_theta\": 500, \"rope_type\": \"default\"}, \"rope_theta\": 3}', 500, 1",
        "'{\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 500, \"rope_type\": \"default\"}}}', 500, 1",
        "'{\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}', 500, 4",
        "'{\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 4, \"rope_theta\": 500}}', 500, 4",
        "'{\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [2, 1, 1]}}', 500, 1",
        "'{\"rope_scaling\": null}', 10000, 1"
    })
    void oldAndNewKeys_giveTheSame(String json, double theta, double factor) throws IOException {
        Rotary rotary = rotary(json, 16);

        for (int k = 0; k < 8; k++) {
            assertFrequency(rotary, k, Math.pow(theta, -2 * k / 16.0) / factor);
        }
    }

    // Up to the trained length its formula, base (factor L / L - (factor - 1))^…, is the plain one.
    @Test
    void dynamic_isPlainUpToTheTrainedLength() throws IOException {
        Rotary rotary = rotary("""
                {"rope_theta": 500, "max_position_embeddings": 77,
                 "rope_scaling": {"type": "dynamic", "factor": 4}}""", 16);

        assertFrequency(rotary, 3, Math.pow(500, -6 / 16.0));
        assertThat(rotary.limit().orElseThrow().tokens()).isEqualTo(77);
        assertThatThrownBy(() -> rotary("{\"rope_scaling\": {\"type\": \"dynamic\"}}", 16))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("factor");
    }

    // transformers 5: 1 / (short_factor θ^…), and √(1 + ln(factor) / ln(original)) on cosine and sine.
    @ParameterizedTest
    @CsvSource({"'\"factor\": 32,', 1.1902380714238083", "'\"attention_factor\": 1.5,', 1.5", "'', 1.1547005383792515"})
    void longRope_upToTheOriginalLength_hasShortFactors(String given, double scaling) throws IOException {
        Rotary rotary = rotary("""
                {"rope_theta": 500, "max_position_embeddings": 65536, "original_max_position_embeddings": 4096,
                 "rope_scaling": {"type": "longrope", %s "short_factor": [1, 1.5, 2, 4],
                  "long_factor": [9, 9, 9, 9]}}""".formatted(given), 8);

        for (int k = 0; k < 4; k++) {
            assertFrequency(rotary, k, Math.pow(500, -2 * k / 8.0) / new double[] {1, 1.5, 2, 4}[k]);
        }
        assertThat(rotary.scaling()).isCloseTo((float) scaling, within(1e-6f));
        assertThat(rotary.limit().orElseThrow().tokens()).isEqualTo(4096);
    }

    @Test
    void longRope_factorsOfAnotherNumber_areRefused() {
        assertThatThrownBy(() -> rotary("""
                        {"rope_scaling": {"type": "longrope", "short_factor": [1, 2], "long_factor": [1, 2]}}""", 8))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("short_factor: wanted 4 factors, one for each pair");
    }

    @Test
    void nestedByLayerType_givesEachTypeItsOwn() throws IOException {
        ConfigJson config = config("""
                {"rope_parameters": {"full_attention": {"rope_theta": 1000000, "rope_type": "default"},
                 "sliding_attention": {"rope_theta": 10000, "rope_type": "linear", "factor": 2}}}""");

        assertFrequency(
                RotaryParameters.of(config, "sliding_attention").rotary(8, 5, false), 1, Math.pow(10000, -0.25) / 2);
        assertFrequency(RotaryParameters.of(config, "full_attention").rotary(8, 5, false), 1, Math.pow(1e6, -0.25));
    }

    @Test
    void nestedWithoutTheAskedType_isRefused() throws IOException {
        ConfigJson config = config("""
                {"rope_parameters": {"sliding_attention": {"rope_theta": 10000, "rope_type": "default"}}}""");

        assertThatThrownBy(() -> RotaryParameters.of(config))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("full_attention: wanted the parameters of such layers");
    }

    @Test
    void yarnWithoutFactor_takesTheRatioOfLengths() throws IOException {
        String scaling = "\"rope_scaling\": {\"type\": \"yarn\", %s\"original_max_position_embeddings\": 4096}";
        Rotary given = rotary("{" + scaling.formatted("\"factor\": 8, ") + "}", 64);
        Rotary derived = rotary("{\"max_position_embeddings\": 32768, " + scaling.formatted("") + "}", 64);

        assertThat(derived.scaling()).isEqualTo(given.scaling());
        assertThat(derived.inverseFrequency(20)).isEqualTo(given.inverseFrequency(20));
    }

    // Wavelengths 2π/φ on either side of original / low = 8192 and original / high = 2048, and one between.
    @Test
    void llama3_threeRanges_givePublishedFrequencies() throws IOException {
        Rotary rotary = rotary("""
                {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                 "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}""", 128);

        double at28 = Math.pow(500000, -56 / 128.0);
        double at31 = Math.pow(500000, -62 / 128.0);
        double at36 = Math.pow(500000, -72 / 128.0);
        double smooth = (8192 / (2 * Math.PI / at31) - 1) / 3;
        assertThat(smooth).isBetween(0.1, 0.9);
        assertFrequency(rotary, 28, at28);
        assertFrequency(rotary, 31, (1 - smooth) * at31 / 8 + smooth * at31);
        assertFrequency(rotary, 36, at36 / 8);
    }

    @Test
    void llama3_withoutMiddleRange_dividesNothingByZero() throws IOException {
        Rotary rotary = rotary("""
                {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 16.0,
                 "low_freq_factor": 1.0, "high_freq_factor": 1.0, "original_max_position_embeddings": 8192}}""", 128);

        for (int k = 0; k < 64; k++) {
            double plain = Math.pow(500000, -2 * k / 128.0);
            assertFrequency(rotary, k, 2 * Math.PI / plain > 8192 ? plain / 16 : plain);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'{\"rope_scaling\": {\"type\": \"su\", \"factor\": 2}}', rope_scaling.type",
        "'{\"rope_parameters\": {\"rope_type\": \"proportional\"}}', rope_parameters.rope_type"
    })
    void otherTypes_areRefusedByName(String json, String key) {
        assertThatThrownBy(() -> rotary(json, 16))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(
                        key + ": wanted one of [default, linear, llama3, yarn, dynamic, longrope, mrope], found ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"rope_theta\": -1}",
                "{\"rope_theta\": 1}",
                "{\"rope_theta\": \"large\"}",
                "{\"rope_theta\": 1e300}",
                "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}}",
                "{\"rope_scaling\": {\"type\": \"linear\"}}",
                "{\"rope_scaling\": {\"type\": \"llama3\"}}",
                "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2, \"beta_fast\": -3}}",
                "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2, \"original_max_position_embeddings\": 0}}"
            })
    void hostileValues_areRefusedByKey(String json) {
        assertThatThrownBy(() -> rotary(json, 16))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching("(?s).*(rope_theta|factor|beta_fast|original_max_position_embeddings): wanted .*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-0.5", "1.5", "0.03", "\"half\""})
    void partialRotaryFactor_thatIsNoShare_isRefused(String factor) {
        assertThatThrownBy(() -> RotaryParameters.of(config("{\"partial_rotary_factor\": " + factor + "}"))
                        .rotatedDimensions(64, 1))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("partial_rotary_factor: wanted ");
    }

    private Rotary rotary(String json, int dimensions) throws IOException {
        return RotaryParameters.of(config(json)).rotary(dimensions, 10_000, false);
    }

    private ConfigJson config(String json) throws IOException {
        return ConfigJson.read(Files.writeString(directory.resolve("config.json"), json));
    }

    private static void assertFrequency(Rotary rotary, int pair, double expected) {
        assertThat((double) rotary.inverseFrequency(pair))
                .as("frequency of pair %d", pair)
                .isCloseTo(expected, within(1e-6 * expected));
    }
}
