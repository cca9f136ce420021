package io.github.steelyard.blueprint;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// A model family as data: decoder layers of grouped-query attention and an MLP, dense or of experts, in the naming of
/// Llama. What it cannot say is a family in Java.
///
/// @param origin the file that says so, for messages
/// @param text the whole file, on which a run depends
/// @param types values of `model_type`
/// @param root prefix of `.layers` where a wrapper has none of its tensors at hand
/// @param needs keys that a config must have, since programs differ in what they take instead
/// @param known keys that decide what is computed, and the values with which it is this; the first is that of a config
///     without the key
/// @param heads the attention
/// @param dense width of a dense MLP
/// @param sparse which layers have experts
/// @param moe the experts
public record Blueprint(
        String origin,
        String text,
        List<String> types,
        String root,
        List<String> needs,
        Map<String, List<String>> known,
        Heads heads,
        Setting dense,
        Sparse sparse,
        Moe moe) {

    public Blueprint {
        types = List.copyOf(types);
        needs = List.copyOf(needs);
        known = Map.copyOf(known);
    }

    /// Norms on queries and keys.
    public enum HeadNorm {
        NONE,
        /// Each head by itself.
        PER_HEAD,
        /// Each head by itself, after the rotation.
        ROTATED,
        /// All heads together.
        FULL_WIDTH
    }

    /// Grouped-query attention.
    ///
    /// @param bias whether q, k and v have biases
    /// @param outputBias whether o has one
    /// @param norm norms on queries and keys
    /// @param normed whether they are there
    /// @param normNames their names, of queries and of keys
    /// @param clip key of a bound on the absolute values of q, k and v, after the norms
    /// @param window key of the number of keys that every query sees, its own included
    /// @param windows whether layers may see a window of keys alone, as Qwen3's configs say it
    /// @param rotary the rotary embedding
    public record Heads(
            Switch bias,
            Switch outputBias,
            HeadNorm norm,
            Switch normed,
            List<String> normNames,
            Optional<String> clip,
            Optional<String> window,
            boolean windows,
            Rotation rotary) {

        public Heads {
            normNames = List.copyOf(normNames);
        }
    }

    /// A rotary embedding, where the config does not say otherwise.
    ///
    /// @param theta its base
    /// @param partial the rotated share of a head
    /// @param dimensions key of the number of rotated dimensions
    /// @param interleaved whether neighbours are a pair
    public record Rotation(double theta, double partial, Optional<String> dimensions, boolean interleaved) {}

    /// Which layers have experts: those from `first` to `last`, at every `every`th position, that are not listed.
    ///
    /// @param first the first
    /// @param last the last
    /// @param every distance between two
    /// @param counted whether the distance counts from the layer before the first, so that of each `every` the last is
    ///     sparse
    /// @param dense key of a list of layers that are dense
    /// @param types key of a list that says `sparse` or `dense` of each layer, and is right where it is there
    public record Sparse(
            Setting first,
            Setting last,
            Setting every,
            boolean counted,
            Optional<String> dense,
            Optional<String> types) {}

    /// How tokens choose.
    public enum Choice {
        /// Softmax over all, then the best.
        SOFTMAX,
        /// Softmax over all; the best by that and a correction.
        CORRECTED_SOFTMAX,
        /// The best, softmax over these.
        SOFTMAX_OF_CHOSEN,
        /// Sigmoids; the best by these and a correction, inside of groups.
        SIGMOID
    }

    /// How experts are published.
    public enum Stored {
        /// One by one.
        SINGLE,
        /// In one tensor for each projection, outputs first.
        FUSED,
        /// In one tensor for each projection, inputs first.
        FUSED_INPUTS_FIRST
    }

    /// The experts of a layer.
    ///
    /// @param name module of the block
    /// @param router name of the router
    /// @param choice how tokens choose
    /// @param correction name of the correction, where the choice has one
    /// @param correctionRow whether it lies as a matrix of one row
    /// @param floor least divisor of weights, of [Choice#CORRECTED_SOFTMAX]
    /// @param renormalise whether weights are divided by their sum
    /// @param scale factor on the weights
    /// @param groups groups that the experts form
    /// @param keptGroups groups that a token's experts come from
    /// @param count key of the number of experts
    /// @param chosen experts of a token
    /// @param inner width of an expert
    /// @param projections names of gate, up and down
    /// @param stored how they are published
    /// @param shared what every token takes besides
    public record Moe(
            String name,
            String router,
            Choice choice,
            Optional<String> correction,
            boolean correctionRow,
            Setting floor,
            Switch renormalise,
            Setting scale,
            Setting groups,
            Setting keptGroups,
            String count,
            String chosen,
            Setting inner,
            List<String> projections,
            Stored stored,
            Optional<Shared> shared) {

        public Moe {
            projections = List.copyOf(projections);
        }
    }

    /// An MLP that every token takes.
    ///
    /// @param name its module
    /// @param inner its width; 0 for none
    /// @param gate name of the gate on its result
    public record Shared(String name, Setting inner, Optional<String> gate) {}

    /// Returns which blueprint speaks of each type.
    static SortedMap<String, Blueprint> byType(List<Blueprint> blueprints) {
        SortedMap<String, Blueprint> byType = new TreeMap<>();
        for (Blueprint blueprint : blueprints) {
            for (String type : blueprint.types()) {
                Blueprint other = byType.put(type, blueprint);
                if (other != null) {
                    throw new IllegalArgumentException("model_type %s is declared by %s and by %s"
                            .formatted(type, other.origin(), blueprint.origin()));
                }
            }
        }
        return byType;
    }
}
