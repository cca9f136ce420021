package io.github.steelyard.recipe;

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
        /// The scales alone, for a checkpoint whose weights stay as they are.
        SCALES
    }

    /// Which experts share one input scale.
    public enum Sharing {
        /// None: each expert and projection has its own.
        EXPERT,
        /// All experts of a layer, one scale per projection: the largest.
        LAYER
    }
}
