package io.github.steelyard.model;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A decoder-only language model as a list of residual blocks.
///
/// @param family `model_type` of the config, for people
/// @param embedding name of the embedding tensor `(vocabulary, hidden)`
/// @param vocabulary rows of the embedding
/// @param hidden width of the residual stream
/// @param layers the decoder layers
/// @param norm the norm before the head
/// @param head the output head; its weight is the embedding where `tied`
/// @param tied whether head and embedding share one tensor
/// @param ignored prefixes, up to a dot, or whole names of tensors that belong to the checkpoint but not to the text
///     model: vision towers, MTP
public record Decoder(
        String family,
        String embedding,
        int vocabulary,
        int hidden,
        List<Layer> layers,
        Norm norm,
        ModuleInfo head,
        boolean tied,
        Set<String> ignored) {

    /// One decoder layer.
    ///
    /// @param kind what it is, for people: `attention + moe`, `mamba2`, …
    /// @param blocks its residual blocks, in order
    public record Layer(String kind, List<Block> blocks) {

        public Layer {
            blocks = List.copyOf(blocks);
        }

        /// Returns the layer of these blocks, named after them.
        public static Layer of(Block... blocks) {
            String kind = Stream.of(blocks).map(block -> block.body().kind()).collect(Collectors.joining(" + "));
            return new Layer(kind, List.of(blocks));
        }
    }

    /// One residual block: `x ← x + body(norm(x))`.
    public record Block(Norm norm, Body body) {}

    public Decoder {
        layers = List.copyOf(layers);
        ignored = Set.copyOf(ignored);
    }

    /// Returns whether a tensor belongs to a part that is not run.
    public boolean ignores(String tensor) {
        for (int dot = tensor.indexOf('.'); dot >= 0; dot = tensor.indexOf('.', dot + 1)) {
            if (ignored.contains(tensor.substring(0, dot + 1))) {
                return true;
            }
        }
        return ignored.contains(tensor);
    }

    /// Returns the longest sequence that the model computes as it was published, if there is a bound.
    public Optional<SequenceLimit> limit() {
        return layers.stream()
                .flatMap(layer -> layer.blocks().stream())
                .flatMap(block -> block.body() instanceof SequenceBody body ? body.limit().stream() : Stream.empty())
                .min(Comparator.comparingInt(SequenceLimit::tokens));
    }

    /// Returns every module that can carry quantizers, in the order in which they run; the head is the last.
    public List<ModuleInfo> modules() {
        List<ModuleInfo> modules = new ArrayList<>();
        for (Layer layer : layers) {
            for (Block block : layer.blocks()) {
                modules.addAll(block.body().modules());
            }
        }
        modules.add(head);
        return modules;
    }

    /// Returns every linear layer, in the order in which they run; the head is the last.
    public List<Linear> linears() {
        List<Linear> linears = new ArrayList<>();
        for (Layer layer : layers) {
            for (Block block : layer.blocks()) {
                linears.addAll(block.body().linears());
            }
        }
        linears.add(headLinear());
        return linears;
    }

    /// Returns every tensor that is read as it is.
    public List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>();
        tensors.add(new ExpectedTensor(embedding, Shape.of(vocabulary, hidden)));
        for (Layer layer : layers) {
            for (Block block : layer.blocks()) {
                tensors.addAll(block.norm().tensors());
                tensors.addAll(block.body().tensors());
            }
        }
        tensors.addAll(norm.tensors());
        return tensors;
    }

    /// Returns the output head.
    public Linear headLinear() {
        String table = embedding;
        Linear.WeightSource source = tied
                ? (weights, module) -> weights.plain(table, module.rows(), module.columns())
                : Linear.WeightSource.OWN;
        return new Linear(head, source, Optional.empty());
    }
}
