package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.TensorCensus;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;

/// The model families that can be run.
public final class Families {

    private static final List<Family> ALL = List.of(
            new LlamaFamily(),
            new MixtralFamily(),
            new Qwen3MoeFamily(),
            new OlmoeFamily(),
            new GlmMoeFamily(),
            new DeepseekFamily(),
            new GptOssFamily(),
            new NemotronFamily(),
            new Qwen35Family(),
            new Llama4Family());

    private Families() {}

    /// Returns the decoder of a checkpoint that has all its tensors.
    ///
    /// @throws io.github.steelyard.checkpoint.CheckpointException if the family is unknown, the config unusable, or
    ///     tensors are missing, all of which it names
    public static Decoder of(Checkpoint checkpoint) {
        Decoder decoder = describe(checkpoint);
        TensorCensus.of(checkpoint, decoder).requireComplete(checkpoint.directory());
        return decoder;
    }

    /// Returns the decoder that a checkpoint's config describes, with tensor names as they are in the checkpoint,
    /// whether or not all are there.
    ///
    /// @throws io.github.steelyard.checkpoint.CheckpointException if the family is unknown or the config unusable
    public static Decoder describe(Checkpoint checkpoint) {
        return of(checkpoint.config(), checkpoint::has);
    }

    /// Returns the decoder that a config alone describes.
    public static Decoder of(ConfigJson config) {
        return of(config, name -> false);
    }

    /// Returns every `model_type` that is known.
    public static List<String> modelTypes() {
        TreeSet<String> types = new TreeSet<>();
        ALL.forEach(family -> types.addAll(family.modelTypes()));
        return List.copyOf(types);
    }

    private static Decoder of(ConfigJson config, Predicate<String> has) {
        ModelSource source = ModelSource.of(config, has);
        String type = source.modelType();
        for (Family family : ALL) {
            if (family.modelTypes().contains(type)) {
                return family.build(source);
            }
        }
        throw source.config().unsuitable("model_type", "one of " + modelTypes());
    }
}
