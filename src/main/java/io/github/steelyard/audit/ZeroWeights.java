package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.weights.CheckpointWeights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// Weights that are zero throughout, as an expert is that was never written. A weight is what is multiplied by: linear
/// layers, routers and the embedding, in whatever format they are stored; biases, norms and scales are none.
///
/// Values are decoded, so that a zero point, a block scale of zero and a negative zero are what they mean. A weight
/// that is not zero shows it in its first rows, so that little is read.
record ZeroWeights() implements Check {

    private static final int PIECE = 1 << 12; // values that are decoded at once, unless one row holds more

    @Override
    public void run(Subject subject, Findings findings) {
        Map<String, Supplier<StoredWeight>> weights = new LinkedHashMap<>(); // by name
        CheckpointWeights reader = new CheckpointWeights(subject.checkpoint());
        subject.decoder().ifPresent(decoder -> addModel(subject, decoder, reader, weights));
        for (StoredModule module : subject.stored().all()) {
            boolean known = subject.decoder().isPresent() && subject.parts().reads(module.name());
            if (!known && module.isMatrix() && module.format().isPresent() && subject.isReadable(module)) {
                weights.putIfAbsent(module.name(), () -> StoredShapes.read(module, reader));
            }
        }
        weights.forEach((name, weight) -> {
            if (isZero(weight)) {
                findings.each(FindingCode.WEIGHT_ZERO, "weights that are zero throughout", name);
            }
        });
    }

    private static void addModel(
            Subject subject, Decoder decoder, CheckpointWeights reader, Map<String, Supplier<StoredWeight>> weights) {
        for (Linear linear : decoder.linears()) {
            boolean tied = decoder.tied() && linear.info().equals(decoder.head());
            if (!tied && isReadable(linear, subject)) {
                weights.put(linear.info().name(), () -> linear.open(reader));
            }
        }
        subject.stored()
                .moduleOf(decoder.embedding())
                .filter(module -> module.isMatrix() && module.format().isPresent() && subject.isReadable(module))
                .ifPresent(module -> weights.put(module.name(), () -> StoredShapes.read(module, reader)));
    }

    private static boolean isReadable(Linear linear, Subject subject) {
        List<String> fused = linear.source().fusedTensors();
        if (fused.isEmpty()) {
            return subject.stored()
                    .find(linear.info().name())
                    .filter(subject::isReadable)
                    .isPresent();
        }
        return fused.stream()
                .filter(subject.checkpoint()::has)
                .map(subject.checkpoint()::tensor)
                .allMatch(subject.readable());
    }

    /// What cannot be read is reported by other checks.
    private static boolean isZero(Supplier<StoredWeight> source) {
        try {
            StoredWeight weight = source.get();
            int rows = Math.max(1, PIECE / weight.columns());
            for (int from = 0; from < weight.rows(); from += rows) {
                int to = Math.min(from + rows, weight.rows());
                float[] values = new float[Math.multiplyExact(to - from, weight.columns())];
                weight.decodeRows(from, to, values, 0);
                for (float value : values) {
                    if (value != 0) {
                        return false;
                    }
                }
            }
            return weight.rows() > 0 && weight.columns() > 0;
        } catch (CheckpointException | IllegalArgumentException | ArithmeticException | InternalError e) {
            return false;
        }
    }
}
