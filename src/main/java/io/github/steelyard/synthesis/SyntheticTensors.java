package io.github.steelyard.synthesis;

import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.FusedStack;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/// The tensors of a synthetic checkpoint. Weights have variance `1 / columns`, so that activations neither vanish nor
/// explode; norms are near 1, everything else is small.
final class SyntheticTensors {

    private static final float INPUT_SCALE = 0.01f;
    private static final float STARVED_SCALE = 0.3f;
    private static final byte[] ANY = new byte[256];
    private static final byte[] FINITE_E4M3 = new byte[256];
    private static final byte[] LARGE_E4M3 = new byte[256];
    private static final float RMS_E2M1 = rms(16, E2m1::decode);
    private static final float RMS_E4M3;
    private static final float RMS_LARGE_E4M3;

    static {
        double large = 0;
        double finite = 0;
        for (int i = 0; i < 256; i++) {
            ANY[i] = (byte) i;
            FINITE_E4M3[i] = (byte) ((i & 0x7f) == 0x7f ? i - 1 : i);
            LARGE_E4M3[i] = (byte) (0x70 + i % 15); // 128 to 448
            finite += square(E4m3.decode(FINITE_E4M3[i] & 0xff));
            large += square(E4m3.decode(LARGE_E4M3[i] & 0xff));
        }
        RMS_E4M3 = (float) Math.sqrt(finite / 256);
        RMS_LARGE_E4M3 = (float) Math.sqrt(large / 256);
    }

    /// Produces the bytes of a tensor, piece by piece.
    @FunctionalInterface
    interface Filler {
        void fill(Consumer<MemorySegment> out);
    }

    /// One tensor.
    record Synthetic(SafetensorsWriter.Planned planned, Filler filler) {}

    private final Decoder decoder;
    private final SyntheticFormat format;
    private final long seed;
    private final double starved;
    private final List<Synthetic> all = new ArrayList<>();

    /// @param starved share of the experts of each layer that few tokens are sent to
    SyntheticTensors(Decoder decoder, SyntheticFormat format, long seed, double starved) {
        this.decoder = decoder;
        this.format = format;
        this.seed = seed;
        this.starved = starved;
        new LinkedHashSet<>(decoder.tensors()).forEach(this::plain);
        Set<String> stacks = new HashSet<>();
        for (Linear linear : decoder.linears()) {
            Optional<FusedStack> stack = linear.source().stack().filter(found -> isFused(linear));
            if (stack.isPresent()) {
                if (stacks.add(stack.get().tensor())) {
                    weight(linear, Place.of(stack.get()));
                }
            } else if (!(decoder.tied() && linear.info().kind() == ModuleInfo.Kind.HEAD)) {
                weight(linear, Place.of(linear.info()));
            }
        }
    }

    /// Quantised experts are published one by one, but where servers keep them in one tensor in any format.
    private boolean isFused(Linear linear) {
        return linear.info().stacked().isPresent() || format.of(linear.info()).isEmpty();
    }

    List<Synthetic> all() {
        return all;
    }

    private static double square(float x) {
        return (double) x * x;
    }

    private static float rms(int codes, IntFunction<Float> decode) {
        double sum = 0;
        for (int i = 0; i < codes; i++) {
            sum += square(decode.apply(i));
        }
        return (float) Math.sqrt(sum / codes);
    }

    private void plain(ExpectedTensor tensor) {
        boolean norm = tensor.name().endsWith("norm.weight") || tensor.name().endsWith("norm_f.weight");
        float centre = norm ? 1 : 0;
        float spread = tensor.name().equals(decoder.embedding()) ? embeddingSpread() : 0.1f;
        add(
                tensor.name(),
                DType.BF16,
                tensor.shape(),
                out -> random(tensor.name()).bf16(tensor.shape().elements(), centre, spread, out));
    }

    /// Of variance 1, but where the embedding is the head as well, that of a head.
    private float embeddingSpread() {
        return (float) Math.sqrt(3.0 / (decoder.tied() ? decoder.hidden() : 1));
    }

    private void weight(Linear linear, Place place) {
        Optional<QuantAlgo> algo = format.of(linear.info());
        switch (algo.map(QuantAlgo::weight).orElse(Format.PLAIN)) {
            case PLAIN -> {
                if (linear.info().kind() == ModuleInfo.Kind.ROUTER && starved > 0) {
                    biased(place, linear.info());
                } else {
                    bf16(place);
                }
            }
            case FP8 -> fp8(place);
            case FP8_BLOCK -> fp8Block(place);
            case NVFP4 -> nvfp4(place);
            case MXFP4 -> mxfp4(place);
            case FP8_PER_CHANNEL,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    NVFP4_32,
                    MXFP8,
                    INT4,
                    INT4_FP8,
                    INT8,
                    INT8_PER_CHANNEL,
                    INT8_DYNAMIC_TOKEN,
                    INT8_GROUPS -> throw new AssertionError(algo);
        }
        if (algo.filter(QuantAlgo::hasInputScale).isPresent()) {
            scalar(place.inputScale(), INPUT_SCALE);
        }
    }

    private void bf16(Place place) {
        float spread = (float) Math.sqrt(3.0 / place.columns());
        codes(
                place.codes(),
                DType.BF16,
                place.inner().apply(1),
                (random, count, out) -> random.bf16(count, 0, spread, out));
    }

    /// A router that scores some experts, spread evenly, on a smaller scale than the others: these are seldom among the
    /// highest.
    private void biased(Place place, ModuleInfo router) {
        float spread = (float) Math.sqrt(3.0 / place.columns());
        codes(place.codes(), DType.BF16, place.inner().apply(1), (random, count, out) -> {
            for (int e = 0; e < router.rows(); e++) {
                boolean seldom = Math.floor((e + 1) * starved) > Math.floor(e * starved);
                random.bf16(router.columns(), 0, seldom ? spread * STARVED_SCALE : spread, out);
            }
        });
    }

    private void fp8(Place place) {
        codes(place.codes(), DType.F8_E4M3, place.inner().apply(1), bytes(FINITE_E4M3));
        scalar(place.scale(), perRootColumns(place, RMS_E4M3));
    }

    private void fp8Block(Place place) {
        Shape scales = place.tiles(Fp8.BLOCK);
        float scale = perRootColumns(place, RMS_E4M3);
        codes(place.codes(), DType.F8_E4M3, place.inner().apply(1), bytes(FINITE_E4M3));
        codes(place.tileScale(), DType.BF16, scales, (random, count, out) -> random.bf16(count, scale, scale / 4, out));
    }

    private void nvfp4(Place place) {
        place.requireBlocks(Format.NVFP4.block());
        codes(place.codes(), DType.U8, place.inner().apply(2), bytes(ANY));
        codes(place.scale(), DType.F8_E4M3, place.inner().apply(Format.NVFP4.block()), bytes(LARGE_E4M3));
        scalar(place.globalScale(), perRootColumns(place, RMS_E2M1 * RMS_LARGE_E4M3));
    }

    private void mxfp4(Place place) {
        place.requireBlocks(Format.MXFP4.block());
        byte[] exponent = new byte[256];
        int code = 127 + (int) Math.round(Math.log(perRootColumns(place, RMS_E2M1)) / Math.log(2));
        for (int i = 0; i < 256; i++) {
            exponent[i] = (byte) (code - i % 2);
        }
        codes(place.mxCodes(), DType.U8, place.mxCodesShape(), bytes(ANY));
        codes(place.mxScales(), DType.U8, place.mxScalesShape(), bytes(exponent));
    }

    /// Writes random elements.
    @FunctionalInterface
    private interface Elements {
        void write(RandomBytes random, long count, Consumer<MemorySegment> out);
    }

    private static Elements bytes(byte[] allowed) {
        return (random, count, out) -> random.bytes(count, allowed, out);
    }

    private void codes(String name, DType dtype, Shape shape, Elements elements) {
        add(name, dtype, shape, out -> elements.write(random(name), shape.elements(), out));
    }

    private void scalar(String name, float value) {
        byte[] bytes = new byte[4];
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, value);
        add(name, DType.F32, Shape.of(), out -> out.accept(MemorySegment.ofArray(bytes)));
    }

    private static float perRootColumns(Place place, float rms) {
        return (float) (1 / (rms * Math.sqrt(place.columns())));
    }

    private RandomBytes random(String name) {
        return new RandomBytes(seed, name);
    }

    private void add(String name, DType dtype, Shape shape, Filler filler) {
        all.add(new Synthetic(new SafetensorsWriter.Planned(name, dtype, shape), filler));
    }
}
