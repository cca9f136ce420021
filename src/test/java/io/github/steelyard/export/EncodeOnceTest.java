package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.TensorContent;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What is evaluated is what is exported: fake quantization of a weight equals decoding the bytes that an export
/// writes.
final class EncodeOnceTest {

    private static final int[][] SHAPES = {{1, 32}, {3, 96}, {129, 64}, {300, 160}, {1000, 1056}};

    @ParameterizedTest
    @EnumSource(names = {"FP8", "FP8_PER_CHANNEL", "FP8_BLOCK", "NVFP4", "MXFP4", "MXFP8"})
    void fakeQuantization_ofAWeight_equalsDecodedExport(Format format) {
        for (int[] shape : SHAPES) {
            for (boolean odd : new boolean[] {false, true}) {
                int rows = shape[0];
                int columns = shape[1] + (odd && format.fits(shape[1] + 5) ? 5 : 0);
                float[] values = values(rows * columns);
                float amax = Amax.of(values, 0, values.length);
                float[] faked = values.clone();
                FakeQuantizer.ofWeight(format, amax).apply(faked, 0, rows, columns);

                assertThat(bits(faked))
                        .as("%s [%d, %d]", format, rows, columns)
                        .isEqualTo(bits(exported(format, values, amax, rows, columns)));
            }
        }
    }

    private static float[] exported(Format format, float[] values, float amax, int rows, int columns) {
        WeightEncoder encoder = WeightEncoder.ofAmax(format, amax);
        PlainWeight weight = PlainWeight.ofFloats(values, rows, columns);
        List<byte[]> made = bytes(new TensorContent.Encoded(weight, encoder));
        byte[] codes = made.getFirst();
        byte[] scales = made.size() == 1 ? new byte[0] : made.getLast();
        float[] decoded = new float[values.length];
        encoder.stored(new WeightEncoder.Encoded(codes, scales), rows, columns).decodeRows(0, rows, decoded, 0);
        return decoded;
    }

    private static List<byte[]> bytes(TensorContent content) {
        List<ByteArrayOutputStream> tensors = new ArrayList<>();
        for (int piece = 0; piece < content.pieces(); piece++) {
            List<ByteBuffer> made = content.piece(piece);
            for (int tensor = 0; tensor < made.size(); tensor++) {
                if (tensor == tensors.size()) {
                    tensors.add(new ByteArrayOutputStream());
                }
                byte[] bytes = new byte[made.get(tensor).remaining()];
                made.get(tensor).get(bytes);
                tensors.get(tensor).writeBytes(bytes);
            }
        }
        return tensors.stream().map(ByteArrayOutputStream::toByteArray).toList();
    }

    // F32 scales lie before the codes in a file, those of 8 bits behind them; a limit between the two puts them into
    // different files.
    @ParameterizedTest
    @EnumSource(names = {"FP8_PER_CHANNEL", "FP8_BLOCK", "NVFP4", "MXFP8"})
    void write_codesAndScales_decodesEachRowOnce(Format format, @TempDir Path temp) throws IOException {
        int rows = 1000;
        int columns = 1056;
        Counting weight =
                new Counting(PlainWeight.ofFloats(values(rows * columns), rows, columns), new AtomicIntegerArray(rows));
        TensorContent content = new TensorContent.Encoded(weight, new WeightEncoder(format, 0.5f, Optional.empty()));
        List<byte[]> bytes = bytes(content);
        OutputTensors made = new OutputTensors(
                List.of(
                        new Planned("w", DType.U8, Shape.of(bytes.getFirst().length)),
                        new Planned("w_scale", DType.F32, Shape.of(bytes.getLast().length / 4))),
                content);
        assertThat(weight.most()).isEqualTo(1);

        for (long limit : new long[] {Long.MAX_VALUE, bytes.getFirst().length}) {
            Path directory = Files.createDirectory(temp.resolve("limit" + limit));
            weight.forget();
            ShardFiles files = new ShardFiles(directory, new ExportRun(limit, 2, written -> {}));
            files.write(List.of(Exports.scalar("v", 1), made, Exports.scalar("x", 2)));

            assertThat(weight.most()).isEqualTo(1);
            List<String> names = files.names(List.of(Exports.scalar("v", 1), made, Exports.scalar("x", 2)));
            assertThat(names).hasSize(limit == Long.MAX_VALUE ? 1 : 3);
            Map<String, MemorySegment> written = new HashMap<>();
            for (String name : names) {
                try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(name))) {
                    file.tensors()
                            .forEach((tensor, info) -> written.put(
                                    tensor,
                                    MemorySegment.ofArray(file.bytes(info).toArray(ValueLayout.JAVA_BYTE))));
                }
            }
            assertThat(written).containsOnlyKeys("v", "w", "w_scale", "x");
            assertThat(Objects.requireNonNull(written.get("w")).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(bytes.getFirst());
            assertThat(Objects.requireNonNull(written.get("w_scale")).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(bytes.getLast());
        }
    }

    /// Counts how often each row is decoded.
    private record Counting(StoredWeight weight, AtomicIntegerArray counts) implements StoredWeight {

        int most() {
            return IntStream.range(0, counts.length()).map(counts::get).max().orElse(0);
        }

        void forget() {
            IntStream.range(0, counts.length()).forEach(row -> counts.set(row, 0));
        }

        @Override
        public int rows() {
            return weight.rows();
        }

        @Override
        public int columns() {
            return weight.columns();
        }

        @Override
        public String formatName() {
            return weight.formatName();
        }

        @Override
        public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
            IntStream.range(fromRow, toRow).forEach(counts::incrementAndGet);
            weight.decodeRows(fromRow, toRow, target, offset);
        }
    }

    /// Of many magnitudes, with zeros of both signs and blocks of zeros.
    private static float[] values(int count) {
        Random random = new Random(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            float value = Math.scalb((float) random.nextGaussian(), random.nextInt(24) - 20);
            values[i] = i / 32 % 9 == 3 ? (i % 2 == 0 ? 0f : -0f) : Bf16.decode(Bf16.encode(value));
        }
        return values;
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
