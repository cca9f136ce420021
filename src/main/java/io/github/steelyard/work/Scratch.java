package io.github.steelyard.work;

import io.github.steelyard.matrix.PackedWeight;
import java.util.ArrayList;
import java.util.List;

/// Reusable float32 buffers of one worker thread, handed out and taken back in stack order. Contents are undefined.
///
/// ```java
/// try (Scratch.Frame frame = scratch.frame()) {
///     float[] rows = frame.floats(tokens * hidden);
///     …
/// }
/// ```
public final class Scratch implements AutoCloseable {

    private final List<float[]> buffers = new ArrayList<>();
    private final List<PackedWeight> packed = new ArrayList<>();
    private final List<Scratch> nested = new ArrayList<>();
    private int used;
    private int usedPacked;
    private int usedNested;

    /// Opens a frame; closing it takes back what it handed out.
    public Frame frame() {
        return new Frame(used, usedPacked, usedNested);
    }

    /// Takes back everything, whatever frames are open.
    void reset() {
        used = 0;
        usedPacked = 0;
        usedNested = 0;
    }

    /// Gives back the memory outside the heap.
    @Override
    public void close() {
        packed.forEach(PackedWeight::close);
        nested.forEach(Scratch::close);
    }

    /// The buffers taken since the frame was opened.
    public final class Frame implements AutoCloseable {

        private final int mark;
        private final int packedMark;
        private final int nestedMark;

        private Frame(int mark, int packedMark, int nestedMark) {
            this.mark = mark;
            this.packedMark = packedMark;
            this.nestedMark = nestedMark;
        }

        /// Returns an empty scratch of its own, for whichever thread has it at the time.
        public Scratch scratch() {
            if (usedNested == nested.size()) {
                nested.add(new Scratch());
            }
            Scratch scratch = nested.get(usedNested++);
            scratch.reset();
            return scratch;
        }

        /// Returns a holder for a packed weight, with undefined contents.
        public PackedWeight packed() {
            if (usedPacked == packed.size()) {
                packed.add(new PackedWeight());
            }
            return packed.get(usedPacked++);
        }

        /// Returns a buffer of at least `size` elements with undefined contents.
        ///
        /// @throws IllegalArgumentException if `size` is above the largest Java array
        public float[] floats(long size) {
            int length = Math.toIntExact(size);
            if (used == buffers.size()) {
                buffers.add(new float[length]);
            } else if (buffers.get(used).length < length) {
                buffers.set(used, new float[0]); // so that the old and the new one need not fit together
                buffers.set(used, new float[length]);
            }
            return buffers.get(used++);
        }

        @Override
        public void close() {
            used = mark;
            usedPacked = packedMark;
            usedNested = nestedMark;
        }
    }
}
