package io.github.steelyard.loader;

/// What rules about loaders ask of a part of a checkpoint, beyond its formats.
public enum Trait {
    /// Several pairs of formats are declared in the checkpoint.
    MIXED,
    /// Experts have biases.
    BIASED,
    /// The one scale of the weight is not that of what it is joined with.
    WEIGHT_SCALE_DIFFERS,
    /// The one scale of the input is not that of what it is joined with.
    INPUT_SCALE_DIFFERS,
    /// Joined, and its rows are not whole tiles of scales.
    UNEVEN_TILES,
    /// Its input is quantised in groups of columns, and the last of them is not whole.
    PARTIAL_GROUPS,
    /// It is not joined with modules that are declared like it.
    TORN,
    /// No name and no pattern of the config covers it.
    UNLISTED,
    /// What the config says of the first expert's `gate_proj`, `up_proj` or `down_proj` is not how the experts lie.
    UNPROBED,
    /// Other experts of the layer lie in another format.
    UNEVEN_EXPERTS,
    /// The cache of latent attention.
    LATENT,
    /// A scale for each head.
    PER_HEAD,
    /// The config names modules by a class in one group, and others otherwise.
    CLASS_BESIDE_OTHERS,
    /// The config has several groups.
    SEVERAL_GROUPS,
    /// One of several groups does not say how its weights are stored.
    GROUP_WITHOUT_FORMAT,
    /// An expression begins with a part of names that the engine writes otherwise.
    ROOTED_EXPRESSION,
    /// An expression of the targets matches the embedding.
    EMBEDDING_TARGETED,
    /// Several formats are announced, and the list of layers is empty.
    NOTHING_LISTED,
    /// The list of layers names experts, and not the module that holds them.
    EXPERTS_NOT_NAMED
}
