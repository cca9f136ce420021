package io.github.steelyard.recipe;

import java.util.Locale;

/// The recipe's `export` section.
///
/// @param format what is written
/// @param sharing which experts share one input scale
/// @param shardBytes largest size of one safetensors file, in bytes
public record ExportOptions(Format format, Sharing sharing, long shardBytes) {

    /// The section left out.
    public static final ExportOptions DEFAULT = new ExportOptions(Format.MODELOPT, Sharing.EXPERT, 5_000_000_000L);

    /// What an export consists of.
    public enum Format {
        /// A directory that a server loads, in ModelOpt's layout.
        MODELOPT,
        /// A directory that a server loads, in the layout of compressed-tensors.
        COMPRESSED_TENSORS,
        /// A directory that ModelOpt's launcher serves with vLLM, fake-quantising: plain weights with the values of a
        /// ModelOpt export, and the state of the quantizers of inputs and caches.
        VLLM_FAKEQUANT,
        /// The scales alone, for a checkpoint whose weights stay as they are.
        SCALES;

        /// Returns the word for it in recipes and on the command line.
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /// Returns whether a whole checkpoint is written, and not scales alone.
        public boolean isCheckpoint() {
            return this != SCALES;
        }

        /// Returns whether weights are written as plain values that have been quantised.
        public boolean isFakeQuantised() {
            return this == VLLM_FAKEQUANT;
        }
    }

    /// Returns the same with another format.
    public ExportOptions with(Format another) {
        return new ExportOptions(another, sharing, shardBytes);
    }

    /// Which experts share one input scale.
    public enum Sharing {
        /// None: each expert and projection has its own.
        EXPERT,
        /// All experts of a layer, one scale per projection: the largest.
        LAYER
    }
}
