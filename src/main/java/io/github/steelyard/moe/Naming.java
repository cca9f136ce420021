package io.github.steelyard.moe;

import java.util.ArrayList;
import java.util.List;

/// Where a checkpoint keeps what lies outside the layers. The same model is published under different roots: alone, or
/// inside a multimodal wrapper.
///
/// @param root prefix of `.layers.N`
/// @param embedding the embedding's module
/// @param norm the last norm's module
/// @param head the output head's module
record Naming(String root, String embedding, String norm, String head) {

    private static final String WRAPPER = "language_model.";

    /// Prefixes of what belongs to other parts of a multimodal model, or to multi-token prediction.
    private static final List<String> OTHER_PARTS = List.of(
            "mtp.",
            "visual.",
            "model.visual.",
            "vision_tower.",
            "model.vision_tower.",
            "vision_model.",
            "multi_modal_projector.",
            "mm_projector.",
            "audio_tower.");

    /// Returns the naming of Llama: `model.embed_tokens`, `model.norm`.
    ///
    /// @param wrappedRoot root in the published multimodal form
    static Naming llama(ModelSource source, String wrappedRoot) {
        return find(
                source,
                List.of("model", "model.language_model", "language_model.model"),
                wrappedRoot,
                "embed_tokens",
                "norm");
    }

    /// Returns the naming of Nemotron-H: `backbone.embeddings`, `backbone.norm_f`.
    static Naming nemotron(ModelSource source) {
        return find(
                source,
                List.of("backbone", "model", "language_model.backbone"),
                "language_model.backbone",
                "embeddings",
                "norm_f");
    }

    private static Naming find(
            ModelSource source, List<String> roots, String wrappedRoot, String embedding, String norm) {
        String root = roots.stream()
                .filter(candidate -> source.has().test(candidate + "." + embedding + ".weight"))
                .findFirst()
                .orElse(source.wrapped() ? wrappedRoot : roots.getFirst());
        String head = root.startsWith(WRAPPER) ? WRAPPER + "lm_head" : "lm_head";
        return new Naming(root, root + "." + embedding, root + "." + norm, head);
    }

    String layer(int layer) {
        return root + ".layers." + layer;
    }

    /// Returns the prefixes of tensors that are not the text model's.
    ///
    /// @param layers layers of the text model
    /// @param predicted layers of multi-token prediction that follow them under the same root
    List<String> ignored(int layers, int predicted) {
        List<String> ignored = new ArrayList<>(OTHER_PARTS);
        for (int i = 0; i < predicted; i++) {
            ignored.add(layer(layers + i) + ".");
        }
        return ignored;
    }
}
