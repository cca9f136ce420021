package io.github.steelyard.synthesis;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.format.Bf16;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/// Random tensor contents, in pieces.
final class RandomBytes {

    private static final int PIECE = 4 << 20; // bytes

    private final SplittableRandom random;

    /// @param name the tensor's name: its values depend on nothing else but the seed
    RandomBytes(long seed, String name) {
        this.random = source(seed, name);
    }

    /// Returns the random numbers that belong to a name.
    static SplittableRandom source(long seed, String name) {
        return new SplittableRandom(
                seed ^ Long.parseUnsignedLong(Digests.ofText(name).substring(0, 16), 16));
    }

    /// Writes `count` BF16 values, uniform between `centre - spread` and `centre + spread`.
    void bf16(long count, float centre, float spread, Consumer<MemorySegment> out) {
        for (long done = 0; done < count; ) {
            int size = (int) Math.min(PIECE / 2, count - done);
            ByteBuffer piece = ByteBuffer.allocate(2 * size).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < size; i += 4) {
                long bits = random.nextLong();
                for (int j = i; j < Math.min(i + 4, size); j++) {
                    float unit = (short) bits * 0x1p-15f;
                    piece.putShort((short) Bf16.encode(centre + spread * unit));
                    bits >>>= 16;
                }
            }
            out.accept(MemorySegment.ofArray(piece.array()));
            done += size;
        }
    }

    /// Writes `count` random bytes, each put through `allowed`.
    void bytes(long count, byte[] allowed, Consumer<MemorySegment> out) {
        for (long done = 0; done < count; ) {
            byte[] piece = new byte[(int) Math.min(PIECE, count - done)];
            random.nextBytes(piece);
            for (int i = 0; i < piece.length; i++) {
                piece[i] = allowed[piece[i] & 0xff];
            }
            out.accept(MemorySegment.ofArray(piece));
            done += piece.length;
        }
    }
}
