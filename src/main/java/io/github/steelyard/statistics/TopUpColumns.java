package io.github.steelyard.statistics;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The columns of [TopUp] in `statistics.safetensors`, which are there if any site has tokens of it: how many each site
/// has, and the numbers of these tokens, site after site.
enum TopUpColumns {
    COUNT("top_up", DType.I64),
    TOKEN("top_up_token", DType.I64),
    NON_FINITE("top_up_non_finite", DType.I64),
    SCORE("top_up_score", DType.F32),
    AMAX("top_up_amax", DType.F32);

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String tensor;
    private final DType dtype;

    TopUpColumns(String tensor, DType dtype) {
        this.tensor = tensor;
        this.dtype = dtype;
    }

    /// Returns whether statistics have such columns.
    static boolean has(Statistics statistics) {
        return statistics.sites().values().stream()
                .anyMatch(found -> !found.topUp().tokens().isEmpty());
    }

    /// Returns whether a file has them.
    static boolean has(SafetensorsFile file) {
        return file.tensors().containsKey(COUNT.tensor);
    }

    String tensor() {
        return tensor;
    }

    DType dtype() {
        return dtype;
    }

    private int numbers(Statistics statistics) {
        return this == COUNT
                ? statistics.sites().size()
                : statistics.sites().values().stream()
                        .mapToInt(found -> found.topUp().tokens().size())
                        .reduce(0, Math::addExact);
    }

    /// Returns its bytes.
    byte[] bytes(Statistics statistics) {
        int size = Math.multiplyExact(numbers(statistics), dtype.bits() / Byte.SIZE);
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        for (SiteStatistics found : statistics.sites().values()) {
            if (this == COUNT) {
                buffer.putLong(found.topUp().tokens().size());
                continue;
            }
            for (TopUp.Token token : found.topUp().tokens()) {
                put(buffer, token);
            }
        }
        return buffer.array();
    }

    private void put(ByteBuffer buffer, TopUp.Token token) {
        switch (this) {
            case COUNT -> throw new IllegalStateException("no number of a token");
            case TOKEN -> buffer.putLong(token.token());
            case NON_FINITE -> buffer.putLong(token.nonFinite());
            case SCORE -> buffer.putFloat(token.score());
            case AMAX -> buffer.putFloat(token.amax());
        }
    }

    /// Returns what each site has.
    ///
    /// @param sites number of sites
    /// @throws CheckpointException if the file holds what is never written
    static List<TopUp> read(SafetensorsFile file, int sites) {
        COUNT.require(file, sites);
        MemorySegment counts = file.bytes(COUNT.tensor);
        long total = 0;
        for (int i = 0; i < sites; i++) {
            long count = counts.get(I64, 8L * i);
            if (count < 0 || count > Integer.MAX_VALUE) {
                throw unsuitable(file, "tensor '%s': value %s is no count".formatted(COUNT.tensor, i));
            }
            total += count;
        }
        for (TopUpColumns column : List.of(TOKEN, NON_FINITE, SCORE, AMAX)) {
            column.require(file, total);
        }
        if (total == 0) {
            throw unsuitable(file, "tensor '%s' counts nothing".formatted(COUNT.tensor));
        }
        List<TopUp> read = new ArrayList<>();
        long at = 0;
        for (int i = 0; i < sites; i++) {
            long end = at + counts.get(I64, 8L * i);
            read.add(topUp(file, at, end));
            at = end;
        }
        return read;
    }

    private static TopUp topUp(SafetensorsFile file, long from, long end) {
        if (from == end) {
            return TopUp.NONE;
        }
        List<TopUp.Token> tokens = new ArrayList<>();
        try {
            for (long i = from; i < end; i++) {
                tokens.add(new TopUp.Token(
                        file.bytes(SCORE.tensor).get(F32, 4 * i),
                        file.bytes(TOKEN.tensor).get(I64, 8 * i),
                        file.bytes(AMAX.tensor).get(F32, 4 * i),
                        file.bytes(NON_FINITE.tensor).get(I64, 8 * i)));
            }
            TopUp read = new TopUp(tokens);
            if (!read.tokens().equals(tokens)) {
                throw unsuitable(file, "tensor '%s' is not in order".formatted(SCORE.tensor));
            }
            return read;
        } catch (IllegalArgumentException e) {
            throw unsuitable(file, "tensors 'top_up_*': " + e.getMessage());
        }
    }

    private void require(SafetensorsFile file, long elements) {
        Optional<TensorInfo> found = Optional.ofNullable(file.tensors().get(tensor));
        if (found.isEmpty()
                || found.get().dtype() != dtype
                || !found.get().shape().equals(Shape.of(elements))) {
            throw unsuitable(
                    file,
                    "tensor '%s': expected %s [%s], found %s"
                            .formatted(
                                    tensor,
                                    dtype,
                                    elements,
                                    found.map(TensorInfo::typeText).orElse("none")));
        }
    }

    private static CheckpointException unsuitable(SafetensorsFile file, String problem) {
        return new CheckpointException(file.file(), problem);
    }
}
