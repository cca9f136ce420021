package io.github.steelyard.evaluation;

import io.github.steelyard.model.Sequences;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// Compares the logits of two models, a panel of the vocabulary at a time, without ever holding whole rows.
///
/// Several threads may add panels at once, each for rows of its own.
///
/// Source: `docs/NUMERICS.md`, "Two models compared".
final class Divergence {

    private final Sequences sequences;
    private final Side reference;
    private final Side tested;
    private final double[] cross; // (tokens): Σ exp(logit - largest) (logit - logit of the tested model)

    Divergence(Sequences sequences) {
        this.sequences = sequences;
        int tokens = Math.toIntExact(sequences.tokens());
        this.reference = new Side(tokens);
        this.tested = new Side(tokens);
        this.cross = new double[tokens];
    }

    /// What is kept of one model's logits, for each row of the corpus.
    private static final class Side {

        private final double[] largest; // running maximum
        private final double[] sums; // Σ exp(logit - largest)
        private final double[] targets; // logit of the token that follows
        private final int[] best; // the first of the likeliest tokens

        Side(int tokens) {
            largest = new double[tokens];
            sums = new double[tokens];
            targets = new double[tokens];
            best = new int[tokens];
            Arrays.fill(largest, Double.NEGATIVE_INFINITY);
        }

        void add(int row, float[] logits, int offset, int from, int count) {
            double max = largest[row];
            for (int i = 0; i < count; i++) {
                if (logits[offset + i] > max) {
                    max = logits[offset + i];
                    best[row] = from + i;
                }
            }
            double sum = sums[row] * Math.exp(largest[row] - max);
            for (int i = 0; i < count; i++) {
                sum += Math.exp(logits[offset + i] - max);
            }
            largest[row] = max;
            sums[row] = sum;
        }

        double logSum(int row) {
            return largest[row] + Math.log(sums[row]);
        }
    }

    /// Adds a panel of one token's logits; the panels of a token come in ascending order.
    ///
    /// @param ours of the reference, from `first` on
    /// @param theirs those of the tested model, from `second` on
    /// @param from the first vocabulary entry
    void panel(int sequence, int token, float[] ours, int first, float[] theirs, int second, int from, int count) {
        int row = Math.toIntExact(sequences.start(sequence)) + token;
        double before = reference.largest[row];
        reference.add(row, ours, first, from, count);
        tested.add(row, theirs, second, from, count);
        double largest = reference.largest[row];
        double sum = cross[row] * Math.exp(before - largest);
        for (int i = 0; i < count; i++) {
            double logit = ours[first + i];
            sum += Math.exp(logit - largest) * (logit - theirs[second + i]);
        }
        cross[row] = sum;
        int[] ids = sequences.ids(sequence);
        if (token + 1 < ids.length && ids[token + 1] >= from && ids[token + 1] < from + count) {
            reference.targets[row] = ours[first + ids[token + 1] - from];
            tested.targets[row] = theirs[second + ids[token + 1] - from];
        }
    }

    /// One number of each sequence.
    @FunctionalInterface
    private interface OfRow {
        double at(int row);
    }

    private List<Double> sums(OfRow number) {
        List<Double> sums = new ArrayList<>();
        for (int i = 0; i < sequences.count(); i++) {
            int start = Math.toIntExact(sequences.start(i));
            double sum = 0;
            for (int row = start; row < start + predictions(i); row++) {
                sum += number.at(row);
            }
            sums.add(sum);
        }
        return sums;
    }

    /// Returns the number of predictions in a sequence: one less than tokens.
    private int predictions(int sequence) {
        return sequences.length(sequence) - 1;
    }

    /// Returns the number of predictions.
    long predictions() {
        return sequences.tokens() - sequences.count();
    }

    /// Returns the sum of the negative log-likelihoods of each sequence under the tested model, in nats.
    List<Double> testedLikelihoods() {
        return sums(row -> tested.logSum(row) - tested.targets[row]);
    }

    /// Returns the same under the reference.
    List<Double> referenceLikelihoods() {
        return sums(row -> reference.logSum(row) - reference.targets[row]);
    }

    /// Returns the sum of the divergences of the tested model from the reference for each sequence, in nats.
    List<Double> divergences() {
        return sums(this::divergence);
    }

    /// Returns the largest divergence of a prediction, in nats.
    double largestDivergence() {
        return IntStream.range(0, sequences.count())
                .flatMap(i -> {
                    int start = Math.toIntExact(sequences.start(i));
                    return IntStream.range(start, start + predictions(i));
                })
                .mapToDouble(this::divergence)
                .max()
                .orElse(Double.NaN);
    }

    /// Returns the share of predictions for which both have the same likeliest token.
    double top1Agreement() {
        return mean(sums(row -> reference.best[row] == tested.best[row] ? 1 : 0));
    }

    // Never negative but by rounding.
    private double divergence(int row) {
        return Math.max(0, cross[row] / reference.sums[row] - reference.logSum(row) + tested.logSum(row));
    }

    /// Returns the mean over all predictions.
    ///
    /// @param sums the sum of each sequence
    double mean(List<Double> sums) {
        return sums.stream().reduce(0.0, Double::sum) / predictions();
    }

    /// Returns the means of the sequences.
    ///
    /// @param sums the sum of each sequence
    List<Double> means(List<Double> sums) {
        return each(i -> sums.get(i) / Math.max(1, predictions(i)));
    }

    private List<Double> each(ToDoubleFunction<Integer> number) {
        return IntStream.range(0, sequences.count())
                .boxed()
                .map(number::applyAsDouble)
                .toList();
    }

    /// Returns the standard error of [#mean], sequences being drawn at random; empty for one sequence.
    ///
    /// @param sums the sum of each sequence
    Optional<Double> standardError(List<Double> sums) {
        int count = sequences.count();
        double mean = mean(sums);
        double squares = 0;
        for (int i = 0; i < count; i++) {
            double residual = sums.get(i) - mean * predictions(i);
            squares += residual * residual;
        }
        return count < 2 ? Optional.empty() : Optional.of(Math.sqrt(squares * count / (count - 1.0)) / predictions());
    }
}
