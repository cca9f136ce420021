package io.github.steelyard.passes;

import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.Sequences;
import java.util.Arrays;

/// Collects the negative log-likelihood of each next token from panels of logits, without ever holding a whole row.
///
/// Source: `docs/NUMERICS.md`, "Perplexity".
public final class Perplexity implements HeadConsumer {

    private final Sequences sequences;
    private final double[][] largest; // (sequences, tokens): running maximum of the logits
    private final double[][] sums; // (sequences, tokens): Σ exp(logit - largest)
    private final double[][] targets; // (sequences, tokens): logit of the token that follows

    /// Expects logits of these sequences.
    public Perplexity(Sequences sequences) {
        this.sequences = sequences;
        this.largest = new double[sequences.count()][];
        this.sums = new double[sequences.count()][];
        this.targets = new double[sequences.count()][];
        for (int i = 0; i < sequences.count(); i++) {
            largest[i] = new double[sequences.length(i)];
            sums[i] = new double[sequences.length(i)];
            targets[i] = new double[sequences.length(i)];
            Arrays.fill(largest[i], Double.NEGATIVE_INFINITY);
        }
    }

    @Override
    public void panel(int sequence, float[] logits, int tokens, int from, int count) {
        int[] ids = sequences.ids(sequence);
        for (int token = 0; token + 1 < tokens; token++) {
            add(sequence, token, logits, token * count, count);
            int next = ids[token + 1];
            if (next >= from && next < from + count) {
                targets[sequence][token] = logits[token * count + next - from];
            }
        }
    }

    private void add(int sequence, int token, float[] logits, int offset, int count) {
        double max = largest[sequence][token];
        for (int i = 0; i < count; i++) {
            max = Math.max(max, logits[offset + i]);
        }
        double sum = sums[sequence][token] * Math.exp(largest[sequence][token] - max);
        for (int i = 0; i < count; i++) {
            sum += Math.exp(logits[offset + i] - max);
        }
        largest[sequence][token] = max;
        sums[sequence][token] = sum;
    }

    /// Returns the number of predictions: one less than tokens in each sequence.
    public long predictions() {
        return sequences.tokens() - sequences.count();
    }

    /// Returns the sum of the negative log-likelihoods of one sequence, in nats.
    public double negativeLogLikelihood(int sequence) {
        double total = 0;
        for (int token = 0; token + 1 < sequences.length(sequence); token++) {
            total += largest[sequence][token] + Math.log(sums[sequence][token]) - targets[sequence][token];
        }
        return total;
    }

    /// Returns the mean negative log-likelihood over all predictions, in nats; NaN if there is none.
    public double mean() {
        double total = 0;
        for (int i = 0; i < sequences.count(); i++) {
            total += negativeLogLikelihood(i);
        }
        return total / predictions();
    }
}
