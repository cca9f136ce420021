package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;

/// How much memory a pass needs, known before it starts. What matters is the largest layer, the longest sequence
/// and the number of workers; the number of tokens hardly does, but for an evaluation.
///
/// @param decoder the model
/// @param longest tokens of the longest sequence
/// @param tokens tokens of all sequences
/// @param tensors tensors of the checkpoint
/// @param purpose what the pass is for
public record MemoryPlan(Decoder decoder, int longest, long tokens, long tensors, Purpose purpose) {

    /// What a pass is for.
    public enum Purpose {
        /// Up to the input of the head. Rows as large as the corpus lie in mapped files and do not count.
        CALIBRATION,
        /// The same with the head.
        CALIBRATION_WITH_HEAD,
        /// With the head, the rows in memory, and weights decoded whole, as a tap that alters them wants.
        EVALUATION
    }

    /// Queries whose scores attention holds at once.
    public static final int QUERIES_AT_ONCE = 64;

    // The residual stream, the experts' inputs, and the sums of experts that work in a latent space.
    private static final int ROWS_AS_LARGE_AS_THE_CORPUS = 3;

    /// Bytes that the program holds before any weight is read, the space for short-lived objects included.
    private static final long BASE = 110L << 20;

    /// Bytes that a process holds outside the heap: classes, compiled code, stacks, native libraries. The launcher
    /// leaves as much when it sizes the heap.
    public static final long OUTSIDE_HEAP = 192L << 20;

    private static final long BYTES_PER_TENSOR = 1000;
    private static final long BYTES_PER_LINEAR = 1500;

    /// Bytes for each token: ids, twice while they are read, and the routing table, plain and sorted.
    private static final long BYTES_PER_TOKEN = 8;

    private static final long BYTES_PER_ROUTE = 16;
    private static final int MOST_ROUTES = 32;

    /// Weights of the largest size that are decoded together: gate and up; q, k and v are at most as large.
    private static final long MOST_IN_A_GROUP = 2;

    /// Returns the plan of a pass over these sequences.
    public static MemoryPlan of(Decoder decoder, Sequences sequences, Checkpoint checkpoint, Purpose purpose) {
        int tensors = checkpoint.tensors().size();
        return new MemoryPlan(decoder, sequences.longest(), sequences.tokens(), tensors, purpose);
    }

    /// Returns the bytes that a pass with so many workers holds: on the heap, and off it the packed weights.
    public long bytes(int threads) {
        long shared = (long) Engine.HEAD_PANEL * decoder.hidden();
        long workers = (long) threads
                * longest
                * (decoder.hidden() + (purpose == Purpose.CALIBRATION ? 0L : Engine.HEAD_PANEL));
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                shared = Math.max(shared, sharedFloats(block.body()));
                workers = Math.max(workers, threads * laneFloats(block.body()) + handedFloats(block.body(), threads));
            }
        }
        long metadata = BYTES_PER_TENSOR * tensors
                + BYTES_PER_LINEAR * decoder.linears().size();
        long perToken = tokens * (BYTES_PER_TOKEN + BYTES_PER_ROUTE * Math.min(MOST_ROUTES, routes()));
        return BASE + metadata + perToken + 4 * (shared + workers + evaluationFloats(threads));
    }

    /// Returns the MiB that a process with so many workers needs: the least `--memory` for them.
    public long mebibytes(int threads) {
        return ((bytes(threads) + OUTSIDE_HEAP) >> 20) + 1;
    }

    private long evaluationFloats(int threads) {
        if (purpose != Purpose.EVALUATION) {
            return 0;
        }
        long largest = decoder.layers().stream()
                .flatMap(layer -> layer.blocks().stream())
                .flatMap(block -> block.body().linears().stream())
                .mapToLong(linear -> (long) linear.info().rows() * linear.info().columns())
                .max()
                .orElse(0);
        long decoded = MOST_IN_A_GROUP * threads * Math.max(largest, (long) Engine.HEAD_PANEL * decoder.hidden());
        return ROWS_AS_LARGE_AS_THE_CORPUS * tokens * decoder.hidden() + decoded;
    }

    /// Returns the largest number of workers, up to `wanted`, that fits into `limit` bytes; 0 if not even one does.
    public int threadsWithin(long limit, int wanted) {
        int threads = wanted;
        while (threads > 0 && bytes(threads) > limit) {
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

    private long handedFloats(Body body, int threads) {
        return switch (body) {
            case SequenceBody sequence -> 0;
            case CorpusBody corpus -> corpus.handedFloats(tokens, threads);
        };
    }

    private long laneFloats(Body body) {
        long rows = 3L * decoder.hidden() * longest;
        return switch (body) {
            case SequenceBody sequence ->
                rows + longest * activationFloats(sequence) + (long) QUERIES_AT_ONCE * longest;
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
