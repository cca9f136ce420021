package io.github.steelyard.family;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.Decoder;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;

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
    /// @throws io.github.steelyard.files.CheckpointException if the family is unknown, the config unusable, its
    ///     quantization not understood, or tensors are missing, which it names
    public static Decoder of(Checkpoint checkpoint) {
        Decoder decoder = describe(checkpoint);
        checkpoint.quantization().requireUnderstood();
        TensorCensus.of(checkpoint, decoder).requireComplete(checkpoint.directory());
        TensorCensus.requirePlain(checkpoint, decoder);
        return decoder;
    }

    /// Returns the decoder that a checkpoint's config describes, with tensor names as they are in the checkpoint,
    /// whether or not all are there.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if the family is unknown or the config unusable
    public static Decoder describe(Checkpoint checkpoint) {
        return of(checkpoint.config(), checkpoint.tensors().navigableKeySet());
    }

    /// Returns the decoder that a config alone describes.
    public static Decoder of(ConfigJson config) {
        return of(config, new TreeSet<>());
    }

    /// Returns every `model_type` that is known.
    public static List<String> modelTypes() {
        TreeSet<String> types = new TreeSet<>();
        ALL.forEach(family -> types.addAll(family.modelTypes()));
        return List.copyOf(types);
    }

    private static Decoder of(ConfigJson config, NavigableSet<String> names) {
        ModelSource source = ModelSource.of(config, names);
        return family(source.modelType())
                .map(family -> family.build(source))
                .orElseThrow(() -> source.config()
                        .unsuitable("model_type", "one of %s%s".formatted(modelTypes(), nearest(source))));
    }

    private static Optional<Family> family(String type) {
        return ALL.stream().filter(family -> family.modelTypes().contains(type)).findFirst();
    }

    /// Returns which known type the tensors fit best, by their names: those that it would miss count, and those that it
    /// would not know. Nothing if there are no names, or none fits half of them.
    private static String nearest(ModelSource source) {
        String best = "";
        long least = source.names().size() / 2;
        for (String type : modelTypes()) {
            long strangers = strangers(source.as(type));
            if (strangers < least) {
                best = type;
                least = strangers;
            }
        }
        return best.isEmpty()
                ? ""
                : " (nearest by its tensors: %s, %s)"
                        .formatted(best, least == 0 ? "which they fit" : least + " differ");
    }

    private static long strangers(ModelSource source) {
        try {
            Decoder decoder = family(source.modelType()).orElseThrow().build(source);
            return TensorCensus.strangers(source.names(), decoder);
        } catch (CheckpointException | IllegalArgumentException | ArithmeticException e) {
            return Long.MAX_VALUE; // its config is no config of this type
        }
    }
}
