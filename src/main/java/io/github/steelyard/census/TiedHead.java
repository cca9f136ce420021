package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import java.util.Optional;

/// A head that is stored though the config says that it is the embedding. Servers then read the embedding, and so do
/// we.
public final class TiedHead {

    private TiedHead() {}

    /// Returns a warning if the stored head is another one than the embedding, which transformers 5 would use.
    public static Optional<Finding> finding(Checkpoint checkpoint, Decoder decoder) {
        String module = decoder.head().name();
        boolean stored = StoredNames.weight(checkpoint::has, module).isPresent();
        if (!decoder.tied() || !stored || isEqual(checkpoint, module + ".weight", decoder.embedding())) {
            return Optional.empty();
        }
        return Optional.of(Finding.warning(
                "tied-head-differs",
                module,
                "%s: tie_word_embeddings is true, and the stored %s differs from %s: the embedding is the head, as servers"
                                .formatted(
                                        Printable.of(checkpoint.config().file()),
                                        Printable.of(module),
                                        Printable.of(decoder.embedding()))
                        + " have it, and an export leaves the stored one out; transformers 5 would use it"));
    }

    private static boolean isEqual(Checkpoint checkpoint, String head, String embedding) {
        if (!checkpoint.has(head) || !checkpoint.has(embedding)) {
            return false;
        }
        TensorInfo one = checkpoint.tensor(head);
        TensorInfo other = checkpoint.tensor(embedding);
        return one.dtype() == other.dtype()
                && one.shape().equals(other.shape())
                && checkpoint.bytes(one).mismatch(checkpoint.bytes(other)) < 0;
    }
}
