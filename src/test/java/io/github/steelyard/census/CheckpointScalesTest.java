package io.github.steelyard.census;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a checkpoint's own declaration and scales make of its inputs and cache.
final class CheckpointScalesTest {

    private static final Site INPUT = new Site("m", Role.INPUT);
    private static final Site KEY = new Site("a", Role.KEY);
    private static final Site VALUE = new Site("a", Role.VALUE);

    @TempDir
    private Path directory;

    private final TinySafetensors tensors = new TinySafetensors();

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "{'quant_method':'fp8','weight_block_size':[128,128]}                       | FP8_DYNAMIC_GROUP",
                "{'quant_method':'modelopt','quant_algo':'FP8_PB_WO'}                       | -",
                "{'config_groups':{'g':{'targets':['Linear'],'input_activations':null,'weights':{'num_bits':8,'type':'float','strategy':'block','block_structure':[128,128]}}}} | -",
                "{'config_groups':{'g':{'targets':['Linear'],'input_activations':{'num_bits':8,'type':'float','dynamic':true},'weights':{'num_bits':8,'type':'float','strategy':'block','block_structure':[128,128]}}}} | FP8_DYNAMIC_GROUP",
            })
    void input_ofFp8Blocks_isWhatTheConfigDeclares(String config, Format format) throws IOException {
        tensors.bytes("m.weight", "F8_E4M3", new long[] {1, 2}, 0x38, 0x38)
                .f32("m.weight_scale_inv", new long[] {1, 1}, 1);
        Map<Site, FakeQuantizer> quantizers = read(config).quantizers();
        if (format == null) {
            assertThat(quantizers).isEmpty();
        } else {
            assertThat(quantizers.get(INPUT).format()).isEqualTo(format);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "{'config_groups':{'g':{'targets':['Linear'],'format':'mxfp4-pack-quantized','input_activations':{'num_bits':4,'type':'float','dynamic':true},'weights':{'num_bits':4,'type':'float','strategy':'group','group_size':32}}}} | MXFP4",
                "{'config_groups':{'g':{'targets':['Linear'],'format':'mxfp4-pack-quantized','input_activations':null,'weights':{'num_bits':4,'type':'float','strategy':'group','group_size':32}}}} | -",
                "{'config_groups':{'MXFP4':['Linear']}}    | MXFP4",
                "{'config_groups':{'MXFP4A16':['Linear']}} | -",
                "{'quant_method':'mxfp4'}                  | -",
            })
    void input_ofMxfp4_isWhatTheConfigDeclares(String config, Format format) throws IOException {
        tensors.bytes("m.weight_packed", "U8", new long[] {1, 16}, new int[16])
                .bytes("m.weight_scale", "U8", new long[] {1, 1}, 127);

        Map<Site, FakeQuantizer> quantizers = read(config).quantizers();

        assertThat(quantizers.values())
                .extracting(FakeQuantizer::format)
                .isEqualTo(format == null ? List.of() : List.of(format));
    }

    @ParameterizedTest
    @CsvSource({"MXFP8, 1", "MXFP8A16, 0"})
    void input_ofMxfp8_isQuantisedUnlessThePresetSaysWeightsAlone(String preset, int quantizers) throws IOException {
        tensors.bytes("m.weight", "F8_E4M3", new long[] {1, 32}, new int[32])
                .bytes("m.weight_scale", "U8", new long[] {1, 1}, 127);

        assertThat(read("{'config_groups':{'%s':['Linear']}}".formatted(preset)).quantizers())
                .hasSize(quantizers);
    }

    @Test
    void input_ofPublishersStaticFp8_hasItsScale() throws IOException {
        tensors.bytes("m.weight", "F8_E4M3", new long[] {1, 2}, 0x38, 0x38)
                .f32("m.weight_scale_inv", new long[] {}, 1)
                .f32("m.activation_scale", new long[] {}, 0.5f);
        FakeQuantizer quantizer = read("{'quant_method':'fp8','activation_scheme':'static'}")
                .quantizers()
                .get(INPUT);
        assertThat(quantizer.format()).isEqualTo(Format.FP8);
        assertThat(quantizer.amax()).isEqualTo(224);
    }

    @Test
    void input_whoseAmaxOverflows_isRefusedByName() throws IOException {
        tensors.bytes("m.weight", "F8_E4M3", new long[] {1, 2}, 0x38, 0x38)
                .f32("m.weight_scale", new long[] {}, 1)
                .f32("m.input_scale", new long[] {}, 3e38f);
        assertThatThrownBy(() -> read("{'quant_algo':'FP8'}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageEndingWith(
                        "tensor 'm.input_scale': wanted a positive finite scale with a finite amax, found 3.0E38");
    }

    @ParameterizedTest
    @CsvSource({"FP8, FP8", "NVFP4, NVFP4"})
    void cache_hasTheDeclaredFormat(String declared, Format format) throws IOException {
        tensors.f32("a.k_proj.k_scale", new long[] {}, 0.25f).f32("a.v_proj.v_scale", new long[] {}, 0.5f);
        CheckpointScales.Carried carried = read(cache(declared));
        assertThat(carried.findings()).isEmpty();
        assertThat(carried.quantizers().get(KEY).format()).isEqualTo(format);
        assertThat(carried.quantizers().get(KEY).amax()).isEqualTo(112);
        assertThat(carried.quantizers().get(VALUE).amax()).isEqualTo(224);
    }

    @Test
    void cache_promisedWithoutScales_takesOneAndSaysSo() throws IOException {
        CheckpointScales.Carried carried = read(cache("FP8"));
        assertThat(carried.quantizers().get(KEY).amax()).isEqualTo(E4m3.MAX);
        assertThat(carried.findings()).extracting(Finding::code).containsExactly("cache-scale-missing");
        assertThat(carried.findings().getFirst().message())
                .isEqualTo("a: a cache in FP8 is promised without scales; 1 is taken, as servers do");
    }

    @Test
    void cache_inAFormatThatIsNotFaked_isLeftAndNamed() throws IOException {
        CheckpointScales.Carried carried = read(cache("INT8"));
        assertThat(carried.quantizers()).isEmpty();
        assertThat(carried.findings()).extracting(Finding::code).containsExactly("cache-not-faked");
    }

    // E4M3 under scale 1 rounds 17 to 16, under scale 2 it is 8.5, which rounds to 8.
    @Test
    void cache_withAScaleForEachHead_quantisesHeadByHead() throws IOException {
        tensors.f32("a.k_scale", new long[] {2, 1, 1}, 1, 0.001f).f32("a.v_scale", new long[] {2, 1, 1}, 1, 1);
        FakeQuantizer keys = read(cache("FP8")).quantizers().get(KEY);
        float[] row = {17, 400, 17, 400};
        keys.apply(row, 0, 1, 4);
        assertThat(row[0]).isEqualTo(16);
        assertThat(row[1]).isEqualTo(384);
        assertThat(row[2]).isEqualTo(0.448f);
        assertThat(row[3]).isEqualTo(0.448f);
        assertThat(keys.amax()).isEqualTo(448);
    }

    private static String cache(String format) {
        return "{'quant_algo':'FP8','kv_cache_scheme':'%s'}".formatted(format);
    }

    private CheckpointScales.Carried read(String quantization) throws IOException {
        tensors.f32("norm.weight", new long[] {1}, 1).write(directory.resolve("model.safetensors"));
        Files.writeString(
                directory.resolve("config.json"),
                "{\"quantization_config\":%s}".formatted(quantization.replace('\'', '"')));
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            return CheckpointScales.read(
                    checkpoint,
                    List.of(
                            new ModuleInfo("m", ModuleInfo.Kind.LINEAR, 1, 2, 0, List.of("m")),
                            new ModuleInfo("a", ModuleInfo.Kind.ATTENTION, 0, 0, 0, List.of("a"))));
        }
    }
}
