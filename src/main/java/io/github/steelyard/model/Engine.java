package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Monitor;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.Workers;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/// Runs a [Decoder] layer by layer over all sequences: each weight is read and decoded once, each expert sees all its
/// tokens together.
///
/// The result does not depend on the number of workers: a row is computed in the same way whoever does it and whatever
/// rows it is computed with, and contributions to a token are added in a fixed order.
public final class Engine {

    /// Vocabulary entries of the head that are decoded at a time; part of the definition of the result's rounding only
    /// through the order in which a consumer sums them.
    static final int HEAD_PANEL = 4096;

    private final Decoder decoder;
    private final Weights weights;
    private final Pass pass;
    private final CorpusContext.RowMemory memory;
    private final Monitor monitor;

    /// @param memory where rows as large as the corpus are taken from
    public Engine(Decoder decoder, Weights weights, Pass pass, CorpusContext.RowMemory memory) {
        this(decoder, weights, pass, memory, Monitor.ofThreads());
    }

    /// @param memory where rows as large as the corpus are taken from
    /// @param monitor where the workers wait for one another
    public Engine(Decoder decoder, Weights weights, Pass pass, CorpusContext.RowMemory memory, Monitor monitor) {
        this.decoder = decoder;
        this.weights = weights;
        this.pass = pass;
        this.memory = memory;
        this.monitor = monitor;
    }

    /// Runs all layers that `store` does not have yet, then the final norm and, if asked for, the head.
    ///
    /// @param head receives the logits; empty to stop at the input of the head
    public void run(Sequences sequences, LayerStore store, EngineListener listener, Optional<HeadConsumer> head) {
        int layers = decoder.layers().size();
        run(sequences, store, listener, layers, (workers, memory) -> {
            finish(sequences, store.input(layers), workers, memory, head);
        });
    }

    /// Runs the layers before `until` that `store` does not have yet, and neither the final norm nor the head.
    public void runLayers(Sequences sequences, LayerStore store, EngineListener listener, int until) {
        run(sequences, store, listener, until, (workers, memory) -> {});
    }

    private void run(
            Sequences sequences,
            LayerStore store,
            EngineListener listener,
            int until,
            BiConsumer<Workers, Scratch> afterwards) {
        try (ReadAhead ahead = readAhead(store.firstLayer(), until);
                CorpusRows rows = new CorpusRows(memory);
                Scratch layerMemory = new Scratch();
                Workers workers = new Workers(pass, ahead::reached, monitor)) { // ended before the memory that they use
            if (store.firstLayer() == 0) {
                embed(sequences, store.input(0), workers);
                store.finished(-1, workers);
            }
            int layers = decoder.layers().size();
            for (int layer = store.firstLayer(); layer < until; layer++) {
                listener.layerBegins(layer, layers);
                pass.tap().layerBegins(layer);
                runLayer(layer, sequences, store, listener, workers, layerMemory, rows);
                pass.tap().layerEnds(layer);
                if (pass.tap().repeats(layer)) {
                    runLayer(layer, sequences, store, EngineListener.NONE, workers, layerMemory, rows);
                    pass.tap().layerRepeated(layer);
                }
                store.finished(layer, workers);
                listener.layerDone(layer, layers);
            }
            afterwards.accept(workers, layerMemory);
        }
    }

    private ReadAhead readAhead(int firstLayer, int until) {
        List<Linear> order = decoder.layers().subList(firstLayer, until).stream()
                .flatMap(layer -> layer.blocks().stream())
                .flatMap(block -> block.body().linears().stream())
                .toList();
        return new ReadAhead(weights.checkpoint(), order, ReadAhead.WINDOW, pass.profile(), pass.threads());
    }

    private void embed(Sequences sequences, HiddenStates out, Workers workers) {
        int hidden = decoder.hidden();
        StoredWeight table = weights.plain(decoder.embedding(), decoder.vocabulary(), hidden);
        workers.forEach(sequences.count(), (sequence, lane) -> {
            long start = lane.begin();
            try (Scratch.Frame frame = lane.frame()) {
                float[] row = frame.floats(hidden);
                int[] ids = sequences.ids(sequence);
                for (int i = 0; i < ids.length; i++) {
                    lane.kernels().decode(table, ids[i], ids[i] + 1, row, 0);
                    out.write(sequences.start(sequence) + i, 1, row, 0);
                }
            }
            lane.end(Phase.EMBED, start, 0, 8.0 * sequences.length(sequence) * hidden);
        });
    }

    private void runLayer(
            int layer,
            Sequences sequences,
            LayerStore store,
            EngineListener listener,
            Workers workers,
            Scratch layerMemory,
            CorpusRows rows) {
        HiddenStates in = store.input(layer);
        HiddenStates out = store.output(layer);
        List<Decoder.Block> blocks = decoder.layers().get(layer).blocks();
        for (int i = 0; i < blocks.size(); i++) {
            Decoder.Block block = blocks.get(i);
            HiddenStates from = i == 0 ? in : out;
            Norm.Loaded norm = block.norm().load(weights);
            switch (block.body()) {
                case SequenceBody body -> runSequences(body, norm, sequences, from, out, workers, layerMemory);
                case CorpusBody body ->
                    body.forward(
                            norm,
                            from,
                            out,
                            new CorpusContext(sequences, weights, workers, layerMemory, rows, listener));
            }
        }
    }

    private void runSequences(
            SequenceBody body,
            Norm.Loaded norm,
            Sequences sequences,
            HiddenStates in,
            HiddenStates out,
            Workers workers,
            Scratch layerMemory) {
        int hidden = decoder.hidden();
        try (Scratch.Frame kept = layerMemory.frame()) {
            SequenceBody.Loaded loaded = workers.lead(lane -> body.load(weights, lane, kept, sequences.longest()));
            workers.forEach(sequences.count(), (sequence, lane) -> {
                int tokens = sequences.length(sequence);
                long row = sequences.start(sequence);
                try (Scratch.Frame frame = lane.frame()) {
                    float[] x = frame.floats((long) tokens * hidden);
                    float[] normed = frame.floats((long) tokens * hidden);
                    float[] y = frame.floats((long) tokens * hidden);
                    lane.shareRows(tokens, (first, count, worker) -> {
                        norm.read(in, row + first, count, x, normed, first * hidden, worker);
                    });
                    lane.turnsTo(new RowSource.Sequence(sequence));
                    loaded.forward(normed, tokens, y, lane);
                    lane.shareRows(tokens, (first, count, worker) -> {
                        worker.kernels().add(y, first * hidden, x, first * hidden, count * hidden);
                        out.write(row + first, count, x, first * hidden);
                    });
                }
            });
        }
    }

    private void finish(
            Sequences sequences,
            HiddenStates states,
            Workers workers,
            Scratch layerMemory,
            Optional<HeadConsumer> consumer) {
        int hidden = decoder.hidden();
        Linear head = decoder.headLinear();
        Norm.Loaded norm = decoder.norm().load(weights);
        StoredWeight stored = head.open(weights);
        int vocabulary = head.info().rows();
        boolean first = true;
        try (Scratch.Frame added = layerMemory.frame()) {
            List<Linear> computed = consumer.isPresent() ? List.of(head) : List.of();
            Additions additions = workers.lead(lane -> Additions.load(computed, weights, lane, added));
            for (int from = 0; from < vocabulary; from += HEAD_PANEL) {
                int begin = from;
                int count = Math.min(HEAD_PANEL, vocabulary - from);
                boolean tapInput = first;
                first = false;
                if (consumer.isEmpty() && !tapInput && !pass.tap().watches(Role.WEIGHT)) {
                    return;
                }
                try (Scratch.Frame kept = layerMemory.frame()) {
                    List<StoredWeight> weight = List.of(stored.rowRange(begin, begin + count));
                    PackedRows panel = workers.lead(lane -> PackedRows.pack(List.of(head), weight, lane, kept));
                    if (consumer.isEmpty() && !tapInput) {
                        continue;
                    }
                    workers.forEach(sequences.count(), (sequence, lane) -> {
                        int tokens = sequences.length(sequence);
                        try (Scratch.Frame frame = lane.frame()) {
                            float[] x = frame.floats((long) tokens * hidden);
                            lane.shareRows(tokens, (start, rows, worker) -> {
                                norm.read(
                                        states, sequences.start(sequence) + start, rows, x, x, start * hidden, worker);
                            });
                            lane.turnsTo(new RowSource.Sequence(sequence));
                            float[] unaltered = x;
                            if (pass.tap().alters() && !additions.isEmpty()) {
                                unaltered = frame.floats((long) tokens * hidden);
                                System.arraycopy(x, 0, unaltered, 0, tokens * hidden);
                            }
                            HeadRows input = new HeadRows(x, unaltered, sequence, tokens);
                            headRows(head, x, tokens, tapInput, lane);
                            consumer.ifPresent(c -> logits(c, input, panel, additions, begin, count, frame, lane));
                        }
                    });
                }
            }
        }
    }

    /// The head's input.
    ///
    /// @param x the rows `(tokens, hidden)`, altered by the tap if it alters
    /// @param unaltered as they were: what adapters read
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record HeadRows(float[] x, float[] unaltered, int sequence, int tokens) {}

    /// Shows the head's input to the tap: an observing tap once, an altering one for each panel since the rows were
    /// read anew.
    private void headRows(Linear head, float[] x, int tokens, boolean first, Lane lane) {
        if (lane.tap().watches(Role.INPUT) && (first || lane.tap().alters())) {
            lane.show(List.of(head.site(Role.INPUT)), x, 0, tokens, decoder.hidden());
        }
    }

    private void logits(
            HeadConsumer consumer,
            HeadRows rows,
            PackedRows panel,
            Additions additions,
            int from,
            int count,
            Scratch.Frame frame,
            Lane lane) {
        int hidden = decoder.hidden();
        int tokens = rows.tokens;
        float[] logits = frame.floats((long) tokens * count);
        Matrix input = Matrix.dense(rows.x, tokens, hidden);
        Matrix unaltered = Matrix.dense(rows.unaltered, tokens, hidden);
        Matrix output = Matrix.dense(logits, tokens, count);
        RowSource source = lane.source();
        lane.shareRows(tokens, (first, block, worker) -> {
            long start = worker.begin();
            Matrix part = output.rowRange(first, first + block);
            panel.multiply(input.rowRange(first, first + block), 0, 0, Update.SET, part, worker);
            worker.end(
                    Phase.HEAD,
                    start,
                    2.0 * block * count * hidden,
                    4.0 * ((double) count * hidden + (double) block * (count + hidden)));
            additions.add(unaltered.rowRange(first, first + block), source, first, from, 0, part, Phase.HEAD, worker);
        });
        consumer.panel(rows.sequence, logits, tokens, from, count);
    }
}
