package io.github.steelyard.model;

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
public final class Scratch {

    private final List<float[]> buffers = new ArrayList<>();
    private int used;

    /// Opens a frame; closing it takes back what it handed out.
    public Frame frame() {
        return new Frame(used);
    }

    /// Takes back everything, whatever frames are open.
    void reset() {
        used = 0;
    }

    /// Returns the bytes held, in use or not.
    public long bytes() {
        return buffers.stream().mapToLong(buffer -> 4L * buffer.length).sum();
    }

    /// The buffers taken since the frame was opened.
    public final class Frame implements AutoCloseable {

        private final int mark;

        private Frame(int mark) {
            this.mark = mark;
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
        }
    }
}
