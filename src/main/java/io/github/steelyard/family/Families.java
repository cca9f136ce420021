package io.github.steelyard.family;

import io.github.steelyard.blueprint.Blueprint;
import io.github.steelyard.blueprint.Blueprints;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeSet;

/// The model families that can be run.
public final class Families {

    private static final List<Family> COMPOSED = List.of(
            new LlamaFamily(),
            new DeepseekFamily(),
            new GptOssFamily(),
            new NemotronFamily(),
            new Qwen35Family(),
            new Llama4Family());

    private static final String OTHERWISE =
            ", or one that a file of yours declares (docs/MODELS.md); what a server picks for its layers 'backends' tells";

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
        return of(checkpoint.config(), checkpoint.tensors().navigableKeySet(), Optional.of(checkpoint));
    }

    /// Returns the decoder that a config alone describes.
    public static Decoder of(ConfigJson config) {
        return of(config, new TreeSet<>(), Optional.empty());
    }

    /// Returns every `model_type` that is known.
    public static List<String> modelTypes() {
        TreeSet<String> types = new TreeSet<>();
        COMPOSED.forEach(family -> types.addAll(family.modelTypes()));
        types.addAll(Blueprints.shipped().keySet());
        types.addAll(declared().keySet());
        return List.copyOf(types);
    }

    private static Decoder of(ConfigJson config, NavigableSet<String> names, Optional<Checkpoint> checkpoint) {
        ModelSource source = ModelSource.of(config, names, checkpoint);
        return family(source.modelType())
                .map(family -> family.build(source))
                .orElseThrow(() -> source.config()
                        .unsuitable("model_type", "one of %s%s%s".formatted(modelTypes(), nearest(source), OTHERWISE)));
    }

    private static Optional<Family> family(String type) {
        return COMPOSED.stream()
                .filter(family -> family.modelTypes().contains(type))
                .findFirst()
                .or(() -> Optional.ofNullable(Blueprints.shipped().get(type)).map(DeclaredFamily::new))
                .or(() -> Optional.ofNullable(declared().get(type)).map(DeclaredFamily::new));
    }

    /// Returns the text by which the user declares a model's family, on which whatever is computed of it depends.
    public static Optional<String> declaration(ConfigJson config) {
        String type = ModelSource.of(config, new TreeSet<>(), Optional.empty()).modelType();
        return Optional.ofNullable(declared().get(type)).map(Blueprint::text);
    }

    private static SortedMap<String, Blueprint> declared() {
        SortedMap<String, Blueprint> declared = Blueprints.ofTheUser();
        declared.forEach((type, blueprint) -> {
            boolean known = Blueprints.shipped().containsKey(type)
                    || COMPOSED.stream().anyMatch(family -> family.modelTypes().contains(type));
            if (known) {
                throw new CheckpointException(
                        Path.of(blueprint.origin()),
                        "types: expected model types that are not known without it, found " + Printable.of(type));
            }
        });
        return declared;
    }

    /// Returns which known type the tensors fit best, and what differs. Nothing if there are no names, or none fits
    /// half
    /// of them.
    private static String nearest(ModelSource source) {
        return modelTypes().stream()
                .flatMap(type -> kinship(source.as(type)).stream())
                .filter(kinship -> kinship.distance() < source.names().size() / 2)
                .min(Comparator.comparingInt(Kinship::distance))
                .map(kinship -> " (nearest by its tensors: %s)".formatted(kinship.text()))
                .orElse("");
    }

    private static Optional<Kinship> kinship(ModelSource source) {
        try {
            Decoder decoder = family(source.modelType()).orElseThrow().build(source);
            return Optional.of(Kinship.of(source, decoder));
        } catch (CheckpointException | IllegalArgumentException | ArithmeticException e) {
            return Optional.empty(); // its config is no config of this type
        }
    }
}
