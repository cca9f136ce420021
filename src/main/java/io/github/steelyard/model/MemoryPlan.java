package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;

/// How much memory a pass needs, known before it starts. What matters is the largest layer, the longest sequence
/// and the number of workers; the number of tokens hardly does, but for an evaluation.
///
/// @param decoder the model
/// @param longest tokens of the longest sequence
/// @param tokens tokens of all sequences
/// @param tensors tensors of the checkpoint
/// @param purpose what the pass is for
/// @param added returns the floats of what adapters add to a module
public record MemoryPlan(
        Decoder decoder, int longest, long tokens, long tensors, Purpose purpose, ToLongFunction<ModuleInfo> added) {

    /// A pass without adapters.
    public MemoryPlan(Decoder decoder, int longest, long tokens, long tensors, Purpose purpose) {
        this(decoder, longest, tokens, tensors, purpose, module -> 0);
    }

    /// Returns the plan of the same pass with adapters.
    ///
    /// @param floats returns the floats of what they add to a module
    public MemoryPlan withAdapters(ToLongFunction<ModuleInfo> floats) {
        return new MemoryPlan(decoder, longest, tokens, tensors, purpose, floats);
    }

    /// What a pass is for.
    public enum Purpose {
        /// Up to the input of the head. Rows as large as the corpus lie in mapped files and do not count.
        CALIBRATION,
        /// The same with the head.
        CALIBRATION_WITH_HEAD,
        /// A calibration's pass that quantises inputs and sums their products in blocks of 16.
        SOLVING_BLOCKS,
        /// A calibration's pass that quantises inputs, sums the products of all features of an input and solves a
        /// weight by them.
        SOLVING_MATRICES,
        /// With the head, the rows in memory, and weights decoded whole, as a tap that alters them wants.
        EVALUATION,
        /// An evaluation beside another: two residual streams, and the logits of a part of the rows.
        COMPARISON,
        /// The same, with what the linear layers of one layer give for some of the sequences.
        COMPARISON_BY_LAYERS
    }

    /// Floats that a comparison keeps of one model until the other has given the same, unless one row of logits, or one
    /// sequence in one layer, has more.
    public static final long COMPARED_AT_ONCE = 1L << 26;

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

    private static final long FLOATS_OF_A_COMPARED_TOKEN = 20;

    private static final long PRODUCTS_OF_AN_EXPERT = 3;

    /// Weights of the largest size that are decoded together: gate and up; q, k and v are at most as large.
    private static final long MOST_IN_A_GROUP = 2;

    private static final long BLOCK_OF_MOMENTS = 16;

    /// Returns the plan of a pass over these sequences.
    public static MemoryPlan of(Decoder decoder, Sequences sequences, Checkpoint checkpoint, Purpose purpose) {
        int tensors = checkpoint.tensors().size();
        return new MemoryPlan(decoder, sequences.longest(), sequences.tokens(), tensors, purpose);
    }

    /// Returns the bytes that a pass with so many workers holds: on the heap, and off it the packed weights.
    public long bytes(int threads) {
        long shared = (long) Engine.HEAD_PANEL * decoder.hidden()
                + (hasHead() ? added.applyAsLong(decoder.headLinear().info()) : 0);
        long workers = (long) threads * longest * (decoder.hidden() + (hasHead() ? (long) Engine.HEAD_PANEL : 0));
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                shared = Math.max(shared, sharedFloats(block.body()) + addedFloats(block.body(), threads));
                workers = Math.max(workers, threads * laneFloats(block.body()) + handedFloats(block.body(), threads));
            }
        }
        long metadata = BYTES_PER_TENSOR * tensors
                + BYTES_PER_LINEAR * decoder.linears().size();
        long perToken = tokens * (BYTES_PER_TOKEN + BYTES_PER_ROUTE * Math.min(MOST_ROUTES, routes()));
        return BASE + metadata + perToken + 4 * (shared + workers + evaluationFloats(threads) + solvingFloats(threads));
    }

    /// Floats of what adapters add: of an expert those of each worker's.
    private long addedFloats(Body body, int threads) {
        long own = 0;
        long expert = 0;
        for (Linear linear : body.linears()) {
            long floats = added.applyAsLong(linear.info());
            own += linear.info().isExpert() ? 0 : floats;
            expert = linear.info().isExpert() ? Math.max(expert, floats) : expert;
        }
        return own + threads * PRODUCTS_OF_AN_EXPERT * expert;
    }

    /// Returns the MiB that a process with so many workers needs: the least `--memory` for them.
    public long mebibytes(int threads) {
        return ((bytes(threads) + OUTSIDE_HEAP) >> 20) + 1;
    }

    private boolean hasHead() {
        return switch (purpose) {
            case CALIBRATION, SOLVING_BLOCKS, SOLVING_MATRICES -> false;
            case CALIBRATION_WITH_HEAD, EVALUATION, COMPARISON, COMPARISON_BY_LAYERS -> true;
        };
    }

    private boolean solves() {
        return purpose == Purpose.SOLVING_BLOCKS || purpose == Purpose.SOLVING_MATRICES;
    }

    /// Returns the floats of the sums under way and of what is solved with them: of one expert for each worker, and of
    /// all else in a layer; a factor, a matrix and three times the weight for each worker.
    private long solvingFloats(int threads) {
        if (!solves()) {
            return 0;
        }
        long sums = 0;
        long solved = 0;
        for (Decoder.Layer layer : decoder.layers()) {
            long others = 0;
            long expert = 0;
            Set<List<String>> inputs = new HashSet<>();
            for (Linear linear : layer.blocks().stream()
                    .flatMap(block -> block.body().linears().stream())
                    .toList()) {
                ModuleInfo info = linear.info();
                solved = Math.max(solved, 3L * info.rows() * info.columns() + factorFloats(info));
                if (!inputs.add(info.inputGroup())) {
                    continue;
                }
                if (info.expert().isEmpty()) {
                    others += momentFloats(info);
                } else if (info.expert().get().index() == 0) {
                    expert += momentFloats(info);
                }
            }
            sums = Math.max(sums, others + threads * expert);
        }
        return sums + threads * solved;
    }

    private long momentFloats(ModuleInfo info) {
        long together = purpose == Purpose.SOLVING_MATRICES ? info.columns() : BLOCK_OF_MOMENTS;
        return info.columns() * (together + 1); // half of the pairs, eight bytes each
    }

    private long factorFloats(ModuleInfo info) {
        return purpose == Purpose.SOLVING_MATRICES ? 2L * info.columns() * info.columns() : 0;
    }

    private long evaluationFloats(int threads) {
        if (purpose == Purpose.CALIBRATION || purpose == Purpose.CALIBRATION_WITH_HEAD) {
            return 0;
        }
        long largest = decoder.layers().stream()
                .flatMap(layer -> layer.blocks().stream())
                .flatMap(block -> block.body().linears().stream())
                .mapToLong(linear -> (long) linear.info().rows() * linear.info().columns())
                .max()
                .orElse(0);
        long decoded = MOST_IN_A_GROUP * threads * Math.max(largest, (long) Engine.HEAD_PANEL * decoder.hidden());
        return solves()
                ? decoded
                : ROWS_AS_LARGE_AS_THE_CORPUS * tokens * decoder.hidden() + decoded + comparedFloats();
    }

    private long comparedFloats() {
        boolean byLayers = purpose == Purpose.COMPARISON_BY_LAYERS;
        if (purpose != Purpose.COMPARISON && !byLayers) {
            return 0;
        }
        long logits = Math.max(decoder.vocabulary(), Math.min(COMPARED_AT_ONCE, tokens * decoder.vocabulary()));
        long layer = byLayers ? largestOutputFloats() : 0;
        long outputs = Math.max(longest * layer, Math.min(COMPARED_AT_ONCE, tokens * layer));
        return tokens * (decoder.hidden() + FLOATS_OF_A_COMPARED_TOKEN) + Math.max(logits, outputs);
    }

    private long largestOutputFloats() {
        return decoder.layers().stream()
                .mapToLong(MemoryPlan::outputFloats)
                .max()
                .orElse(0);
    }

    /// Returns the floats that the linear layers of a layer give for one token.
    public static long outputFloats(Decoder.Layer layer) {
        long floats = 0;
        for (Decoder.Block block : layer.blocks()) {
            int routes = block.body() instanceof CorpusBody corpus ? corpus.routes() : 0;
            for (Linear linear : block.body().linears()) {
                int expert = linear.info().expert().map(ExpertPart::index).orElse(-1);
                floats += expert < 0
                        ? linear.info().rows()
                        : expert == 0 ? (long) routes * linear.info().rows() : 0;
            }
        }
        return floats;
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
