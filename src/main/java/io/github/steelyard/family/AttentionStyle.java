package io.github.steelyard.family;

import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.mixer.Rotary;
import java.util.Optional;

/// In what the attention of one layer differs from Llama's.
///
/// @param headNorm norm on queries and keys before the rotation
/// @param rotary position embedding; empty for none
/// @param mask which keys a query sees
/// @param outputBias whether the output projection has a bias where the others do
/// @param sinks tensor with one extra logit for each head
/// @param variations what only single families do
record AttentionStyle(
        Attention.HeadNorm headNorm,
        Optional<Rotary> rotary,
        AttentionMask mask,
        boolean outputBias,
        Optional<String> sinks,
        Attention.Variations variations) {

    /// Returns attention without positions.
    static AttentionStyle withoutPositions() {
        return new AttentionStyle(
                new Attention.HeadNorm.None(),
                Optional.empty(),
                AttentionMask.CAUSAL,
                true,
                Optional.empty(),
                Attention.Variations.NONE);
    }

    /// Returns Llama's attention.
    static AttentionStyle of(Rotary rotary) {
        AttentionStyle none = withoutPositions();
        return new AttentionStyle(
                none.headNorm, Optional.of(rotary), none.mask, none.outputBias, none.sinks, none.variations);
    }

    AttentionStyle with(Attention.HeadNorm norm) {
        return new AttentionStyle(norm, rotary, mask, outputBias, sinks, variations);
    }

    AttentionStyle with(AttentionMask seen) {
        return new AttentionStyle(headNorm, rotary, seen, outputBias, sinks, variations);
    }

    AttentionStyle with(Attention.Variations varied) {
        return new AttentionStyle(headNorm, rotary, mask, outputBias, sinks, varied);
    }

    AttentionStyle withoutOutputBias() {
        return new AttentionStyle(headNorm, rotary, mask, false, sinks, variations);
    }

    AttentionStyle withSinks(String tensor) {
        return new AttentionStyle(headNorm, rotary, mask, outputBias, Optional.of(tensor), variations);
    }
}
