package io.github.steelyard.evaluation;

import io.github.steelyard.job.ForwardPass;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.quant.QuantizationError;
import io.github.steelyard.site.Tap;
import io.github.steelyard.work.Profile;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// Two models over the same sequences. Each keeps its residual stream; what else is compared is kept of one model for
/// some rows at a time, until the other has given the same.
///
/// How the rows are cut changes no bit: a row is computed in the same way whatever rows it is computed with.
final class PairedPass {

    /// One of the two.
    ///
    /// @param pass how it is computed
    /// @param tap what alters tensors on their way
    /// @param states its residual stream `(tokens, hidden)`
    record Side(ForwardPass pass, Tap tap, HiddenStates states) {

        Decoder decoder() {
            return pass.decoder();
        }

        private HiddenStates rows(long first, long count) {
            int hidden = decoder().hidden();
            return new HiddenStates(
                    states.segment().asSlice(HiddenStates.bytes(first, hidden), HiddenStates.bytes(count, hidden)),
                    count,
                    hidden);
        }

        private void layers(Sequences part, long firstRow, Tap watching, EngineListener listener, int from, int until) {
            LayerStore store = new LayerStore.InPlace(rows(firstRow, part.tokens()), from);
            pass.over(part).runLayers(watching, store, listener, until);
        }
    }

    private final Side reference;
    private final Side tested;
    private final Sequences sequences;
    private final List<ComparisonResult.LayerError> layers = new ArrayList<>();
    private final List<ComparisonResult.LinearError> linears = new ArrayList<>();
    private OptionalInt firstNotFinite = OptionalInt.empty(); // layer of either

    PairedPass(Side reference, Side tested, Sequences sequences) {
        this.reference = reference;
        this.tested = tested;
        this.sequences = sequences;
    }

    /// Runs all layers of one model, then of the other.
    void runLayers(EngineListener listener) {
        for (Side side : List.of(reference, tested)) {
            EngineListener watching = new EngineListener() {
                @Override
                public void layerDone(int layer, int layers) {
                    look(side, layer);
                }
            };
            side.layers(
                    sequences,
                    0,
                    side.tap,
                    listener.and(watching),
                    0,
                    side.decoder().layers().size());
        }
    }

    /// Runs each layer of both, and compares what it gives. Both have as many layers, of the same width.
    void compareLayers(EngineListener listener) {
        int count = tested.decoder().layers().size();
        for (int layer = 0; layer < count; layer++) {
            listener.layerBegins(layer, count);
            compareLayer(layer);
            look(reference, layer);
            look(tested, layer);
            listener.layerDone(layer, count);
        }
    }

    private void look(Side side, int layer) {
        if (firstNotFinite.isEmpty() && !Evaluation.isFinite(side.states)) {
            firstNotFinite = OptionalInt.of(layer);
        }
    }

    private void compareLayer(int layer) {
        OutputErrors errors = new OutputErrors();
        long perToken =
                Math.max(1, MemoryPlan.outputFloats(reference.decoder().layers().get(layer)));
        long rows = MemoryPlan.COMPARED_AT_ONCE / perToken;
        for (int from = 0; from < sequences.count(); ) {
            int to = from + 1;
            while (to < sequences.count() && sequences.start(to + 1) - sequences.start(from) <= rows) {
                to++;
            }
            Sequences part = sequences.range(from, to);
            long first = sequences.start(from);
            try (Arena arena = Arena.ofShared()) {
                OutputRows kept = new OutputRows(arena, part);
                reference.layers(part, first, kept, EngineListener.NONE, layer, layer + 1);
                Tap comparing = errors.comparing(tested.tap, kept, part);
                tested.layers(part, first, comparing, EngineListener.NONE, layer, layer + 1);
            }
            from = to;
        }
        Decoder.Layer done = tested.decoder().layers().get(layer);
        layers.add(new ComparisonResult.LayerError(layer, done.kind(), streamError()));
        done.blocks().stream()
                .flatMap(block -> block.body().linears().stream())
                .map(Linear::info)
                .map(errors::of)
                .forEach(linears::add);
    }

    private Optional<Double> streamError() {
        int width = tested.decoder().hidden();
        float[] signal = new float[width];
        float[] copy = new float[width];
        QuantizationError sum = QuantizationError.NONE;
        for (long row = 0; row < sequences.tokens(); row++) {
            reference.states.read(row, 1, signal, 0);
            tested.states.read(row, 1, copy, 0);
            sum = sum.plus(QuantizationError.of(signal, 0, copy, 0, width, Float.POSITIVE_INFINITY));
        }
        return OutputErrors.sqnr(sum.squaredSignal(), sum.squaredError());
    }

    /// Returns what [#compareLayers] found.
    ComparisonResult.ByLayers byLayers() {
        return new ComparisonResult.ByLayers(layers, linears);
    }

    /// Says where the first value that is no number appeared.
    String firstNotFinite() {
        return Evaluation.firstNotFinite(firstNotFinite);
    }

    /// A part of a sequence.
    private record Piece(int sequence, int first, int count) {}

    /// Runs both heads and compares their logits.
    Divergence compareLogits() {
        Divergence divergence = new Divergence(sequences);
        int vocabulary = tested.decoder().vocabulary();
        int most = (int) Math.max(1, MemoryPlan.COMPARED_AT_ONCE / vocabulary);
        List<Piece> pieces = new ArrayList<>();
        int rows = 0;
        for (int sequence = 0; sequence < sequences.count(); sequence++) {
            for (int first = 0; first < sequences.length(sequence); ) {
                int count = Math.min(most - rows, sequences.length(sequence) - first);
                pieces.add(new Piece(sequence, first, count));
                first += count;
                rows += count;
                if (rows == most) {
                    compareLogits(pieces, divergence);
                    pieces.clear();
                    rows = 0;
                }
            }
        }
        if (!pieces.isEmpty()) {
            compareLogits(pieces, divergence);
        }
        return divergence;
    }

    private void compareLogits(List<Piece> pieces, Divergence divergence) {
        Sequences part = new Sequences(pieces.stream()
                .map(piece -> Arrays.copyOfRange(sequences.ids(piece.sequence), piece.first, piece.first + piece.count))
                .toList());
        long firstRow = sequences.start(pieces.getFirst().sequence) + pieces.getFirst().first;
        int vocabulary = tested.decoder().vocabulary();
        try (Arena arena = Arena.ofShared()) {
            // Panel after panel, each as the consumer gets it: (rows of the part, entries of the panel).
            HiddenStates kept = HiddenStates.allocate(arena, part.tokens() * vocabulary, 1);
            head(reference, part, firstRow, (piece, logits, tokens, from, count) -> {
                long at = part.tokens() * from + part.start(piece) * count;
                kept.write(at, tokens * count, logits, 0);
            });
            head(tested, part, firstRow, (piece, logits, tokens, from, count) -> {
                Piece place = pieces.get(piece);
                float[] row = new float[count];
                for (int token = 0; token < tokens; token++) {
                    kept.read(part.tokens() * from + (part.start(piece) + token) * count, count, row, 0);
                    divergence.panel(place.sequence, place.first + token, row, 0, logits, token * count, from, count);
                }
            });
        }
    }

    private static void head(Side side, Sequences part, long firstRow, HeadConsumer consumer) {
        LayerStore store = new LayerStore.InPlace(
                side.rows(firstRow, part.tokens()), side.decoder().layers().size());
        side.pass
                .over(part)
                .run(
                        side.tap,
                        store,
                        CorpusContext.RowMemory.ANONYMOUS,
                        Profile.NONE,
                        EngineListener.NONE,
                        Optional.of(consumer));
    }
}
