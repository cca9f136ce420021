package io.github.steelyard.model;

/// How much heap a pass needs, known before it starts. Rows as large as the corpus lie outside the heap in mapped
/// files, so the number of tokens hardly matters; what matters is the largest layer, the longest sequence and the
/// number of workers.
///
/// @param decoder the model
/// @param longest tokens of the longest sequence
/// @param tokens tokens of all sequences
/// @param tensors tensors of the checkpoint
/// @param logits whether the head is computed
public record MemoryPlan(Decoder decoder, int longest, long tokens, long tensors, boolean logits) {

    /// Bytes of heap that the program holds before any weight is read.
    private static final long BASE = 40L << 20;

    private static final long BYTES_PER_TENSOR = 1000;
    private static final long BYTES_PER_LINEAR = 1500;

    /// Bytes for each token: ids, twice while they are read, and the routing table, plain and sorted.
    private static final long BYTES_PER_TOKEN = 8;

    private static final long BYTES_PER_ROUTE = 16;
    private static final int MOST_ROUTES = 32;

    /// Returns the bytes of heap for a pass with so many workers.
    public long heapBytes(int threads) {
        long shared = 0;
        long lane = 0;
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                shared = Math.max(shared, sharedFloats(block.body()));
                lane = Math.max(lane, laneFloats(block.body()));
            }
        }
        long hidden = decoder.hidden();
        shared = Math.max(shared, Engine.HEAD_PANEL * hidden);
        lane = Math.max(lane, longest * (hidden + (logits ? Engine.HEAD_PANEL : 0L)));
        long metadata = BYTES_PER_TENSOR * tensors
                + BYTES_PER_LINEAR * decoder.linears().size();
        long perToken = tokens * (BYTES_PER_TOKEN + BYTES_PER_ROUTE * Math.min(MOST_ROUTES, routes()));
        return BASE + metadata + perToken + 4 * (shared + threads * lane);
    }

    /// Returns the largest number of workers, up to `wanted`, that fits into `heap` bytes; 0 if not even one does.
    public int threadsWithin(long heap, int wanted) {
        int threads = wanted;
        while (threads > 0 && heapBytes(threads) > heap) {
            threads--;
        }
        return threads;
    }

    private long routes() {
        return decoder.layers().stream()
                .flatMap(layer -> layer.blocks().stream())
                .mapToLong(block -> block.body() instanceof CorpusBody corpus ? corpus.routes() : 0)
                .max()
                .orElse(0);
    }

    private static long sharedFloats(Body body) {
        return switch (body) {
            case SequenceBody sequence -> weightFloats(sequence);
            case CorpusBody corpus -> corpus.sharedFloats();
        };
    }

    private long laneFloats(Body body) {
        long rows = 3L * decoder.hidden() * longest;
        return switch (body) {
            case SequenceBody sequence ->
                rows + longest * activationFloats(sequence) + (long) AttentionCore.BLOCK * longest;
            case CorpusBody corpus -> corpus.laneFloats(longest);
        };
    }

    /// Returns the floats of all weights of a body.
    public static long weightFloats(Body body) {
        return body.linears().stream()
                .map(Linear::info)
                .mapToLong(info -> (long) info.rows() * info.columns())
                .sum();
    }

    /// Returns the floats that one token takes in a body at most: every output once more after norm, split or gate, and
    /// every input.
    public static long activationFloats(Body body) {
        return body.linears().stream()
                .map(Linear::info)
                .mapToLong(info -> 2L * info.rows() + info.columns())
                .sum();
    }
}
