package io.github.steelyard.family;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Where a checkpoint keeps what lies outside the layers. The same model is published under different roots: alone, or
/// inside a multimodal wrapper.
///
/// @param root prefix of `.layers.N`
/// @param embedding the embedding's module
/// @param norm the last norm's module
/// @param head the output head's module
record Naming(String root, String embedding, String norm, String head) {

    /// Prefixes of what belongs to other parts of a multimodal model, or to multi-token prediction.
    private static final List<String> OTHER_PARTS = List.of(
            "mtp.",
            "model.mtp_block.",
            "model.mtp_emb_norm.",
            "model.mtp_hidden_norm.",
            "model.mtp_linear_proj.",
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
                List.of("model", "model.language_model", "language_model.model", "thinker.model"),
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
                .or(() -> elsewhere(source, "." + embedding + ".weight"))
                .orElse(source.wrapped() ? wrappedRoot : roots.getFirst());
        return new Naming(root, root + "." + embedding, root + "." + norm, head(source, root));
    }

    /// Returns the shortest root at which a decoder lies, wherever a wrapper put it.
    private static Optional<String> elsewhere(ModelSource source, String embedding) {
        return source.names().stream()
                .filter(name -> name.endsWith(embedding))
                .map(name -> name.substring(0, name.length() - embedding.length()))
                .filter(root -> OTHER_PARTS.stream().noneMatch((root + ".")::startsWith))
                .filter(root -> source.hasBelow(root + ".layers.0."))
                .min(Comparator.comparingInt(String::length));
    }

    /// The head lies beside the root, as `language_model.lm_head` beside `language_model.model`, or at the top.
    private static String head(ModelSource source, String root) {
        String beside = root.substring(0, root.lastIndexOf('.') + 1) + "lm_head";
        boolean top = source.hasWeight("lm_head") && !source.hasWeight(beside);
        return top || root.startsWith("model.") ? "lm_head" : beside;
    }

    String layer(int layer) {
        return root + ".layers." + layer;
    }

    /// Returns the prefixes of tensors that are not the text model's: of the parts that are known, of layers that
    /// follow, and inside a multimodal wrapper of whatever lies beside the text model.
    ///
    /// @param layers layers of the text model
    /// @param predicted layers of multi-token prediction that follow them under the same root
    Set<String> ignored(ModelSource source, int layers, int predicted) {
        Set<String> ignored = new TreeSet<>(OTHER_PARTS);
        for (int i = 0; i < predicted; i++) {
            ignored.add(layer(layers + i) + ".");
        }
        if (source.wrapped()) {
            source.names().stream()
                    .filter(name -> !name.startsWith(root + ".") && !name.startsWith(head + "."))
                    .map(this::part)
                    .forEach(ignored::add);
        }
        return ignored;
    }

    /// Returns the shortest prefix of a tensor's name that leads away from the root.
    private String part(String name) {
        int end = name.indexOf('.') + 1;
        while (end > 0 && (root + ".").startsWith(name.substring(0, end))) {
            end = name.indexOf('.', end) + 1;
        }
        return end == 0 ? name : name.substring(0, end);
    }
}
