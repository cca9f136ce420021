package io.github.steelyard.model;

import io.github.steelyard.dialect.GptOss;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A linear layer `y = x · Wᵀ + b`.
///
/// @param info the module
/// @param source where its weight lies
/// @param bias where its bias lies, if it has one
public record Linear(ModuleInfo info, WeightSource source, Optional<Bias> bias) {

    /// Where the weight of a module lies: under the module's own name, or as a part of a fused tensor.
    public interface WeightSource {

        /// The module's own `.weight` and the scales beside it.
        WeightSource OWN = new WeightSource() {
            @Override
            public StoredWeight open(CheckpointWeights weights, ModuleInfo module) {
                return weights.linear(module.name(), module.rows(), module.columns());
            }
        };

        /// Returns the weight `(rows, columns)` of `module` as it is stored. What a model computes with, which may lie
        /// over it, [Linear#open(Weights)] returns.
        StoredWeight open(CheckpointWeights weights, ModuleInfo module);

        /// Returns the names of the tensors that hold this weight and others beside it; empty where the weight lies
        /// under the module's own name.
        default List<String> fusedTensors() {
            return List.of();
        }

        /// Returns the stack that this weight is a part of, if it is one.
        default Optional<FusedStack> stack() {
            return Optional.empty();
        }

        /// Returns whether a program saved the weight in a form of its own, and servers know it by the module's name.
        default boolean isResaved() {
            return false;
        }
    }

    /// A weight that transformers 5 saved in its own form: fused where the model is published one by one, or under
    /// another name.
    ///
    /// @param place where it lies
    public record Resaved(WeightSource place) implements WeightSource {

        /// Returns the weight of another module name.
        public static Resaved as(String stored) {
            return new Resaved(new WeightSource() {
                @Override
                public StoredWeight open(CheckpointWeights weights, ModuleInfo module) {
                    return weights.linear(stored, module.rows(), module.columns());
                }

                @Override
                public List<String> fusedTensors() {
                    return List.of(stored + ".weight");
                }
            });
        }

        @Override
        public StoredWeight open(CheckpointWeights weights, ModuleInfo module) {
            return place.open(weights, module);
        }

        @Override
        public List<String> fusedTensors() {
            return place.fusedTensors();
        }

        @Override
        public Optional<FusedStack> stack() {
            return place.stack();
        }

        @Override
        public boolean isResaved() {
            return true;
        }
    }

    /// A part of a stack of matrices.
    ///
    /// @param member the stack, which of its matrices, and which rows of that
    public record Stacked(FusedStack.Member member) implements WeightSource {

        @Override
        public StoredWeight open(CheckpointWeights weights, ModuleInfo module) {
            return member.open(weights);
        }

        @Override
        public List<String> fusedTensors() {
            return member.stack().tensors();
        }

        @Override
        public Optional<FusedStack> stack() {
            return Optional.of(member.stack());
        }
    }

    /// A bias: `rows` values of `tensor`, flattened, from `offset` on, `stride` apart.
    ///
    /// @param shape shape of the whole tensor
    public record Bias(String tensor, Shape shape, int offset, int stride) {

        /// Returns the bias of a part of a stack: it lies in `_bias (count, rows)`.
        public static Bias of(FusedStack.Member member) {
            FusedStack stack = member.stack();
            int rows = stack.rows();
            return new Bias(
                    GptOss.bias(stack.tensor()),
                    Shape.of(stack.count(), rows),
                    member.index() * rows + member.part().firstRow(rows),
                    member.part().step());
        }
    }

    /// Returns a layer with a weight of its own and no bias.
    public static Linear of(ModuleInfo info) {
        return new Linear(info, WeightSource.OWN, Optional.empty());
    }

    /// Returns a layer with a weight and, if `biased`, a bias of its own.
    public static Linear of(ModuleInfo info, boolean biased) {
        return new Linear(
                info,
                WeightSource.OWN,
                biased ? Optional.of(new Bias(info.name() + ".bias", Shape.of(info.rows()), 0, 1)) : Optional.empty());
    }

    /// Returns the site of this layer in `role`.
    public Site site(Role role) {
        return new Site(info.name(), role);
    }

    /// Returns the tensors besides the weight that this layer reads.
    public List<ExpectedTensor> tensors() {
        return bias.map(b -> List.of(new ExpectedTensor(b.tensor(), b.shape()))).orElse(List.of());
    }

    /// Returns the weight `(rows, columns)`: the one that lies over the stored one, or else that.
    public StoredWeight open(Weights weights) {
        return weights.replacement(info.name()).orElseGet(() -> source.open(weights.stored(), info));
    }

    /// Opens the weight for a worker.
    StoredWeight open(Weights weights, Lane lane) {
        lane.usesWeight(info);
        return open(weights);
    }

    /// Reads the bias into `target`, or zeros where there is none.
    void readBias(Weights weights, float[] target, int offset) {
        if (bias.isEmpty()) {
            Arrays.fill(target, offset, offset + info.rows(), 0);
            return;
        }
        Bias b = bias.get();
        float[] values = weights.vector(b.tensor(), b.shape(), b.offset(), (info.rows() - 1) * b.stride() + 1);
        for (int i = 0; i < info.rows(); i++) {
            target[offset + i] = values[i * b.stride()];
        }
    }
}
