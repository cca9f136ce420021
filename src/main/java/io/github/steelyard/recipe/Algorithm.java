package io.github.steelyard.recipe;

import io.github.steelyard.yaml.Position;
import java.util.Collections;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedSet;
import java.util.TreeSet;

/// One calibration algorithm of a recipe, with every option that ModelOpt gives it: as written, else with ModelOpt's
/// default. Formulas and defaults: ModelOpt `a2fbac7b`.
///
/// @param at where it is written
/// @param method what is done, with the options of its own
/// @param expertsRatio `moe_calib_experts_ratio`: the share of experts that see each token, in (0, 1]; empty where the
///     router alone decides
/// @param layerwise whether and how layers are calibrated one after the other
/// @param written the options that the recipe writes, by name, those of `layerwise` as `layerwise.NAME`
public record Algorithm(
        Position at, Method method, OptionalDouble expertsRatio, Layerwise layerwise, SortedSet<String> written) {

    public Algorithm {
        written = Collections.unmodifiableSortedSet(new TreeSet<>(written));
    }

    /// Returns the values of all options, written or not, on one line.
    public String options() {
        return "%s, %s, moe_calib_experts_ratio: %s"
                .formatted(method, layerwise, expertsRatio.isPresent() ? expertsRatio.getAsDouble() : "none");
    }

    /// An algorithm without a written option.
    static Algorithm plain(Position at, Method method) {
        return new Algorithm(
                at, method, OptionalDouble.empty(), Layerwise.defaults(method), Collections.emptySortedSet());
    }

    /// Calibration layer by layer.
    ///
    /// @param enable whether it is on
    /// @param quantisedInputs `get_qdq_activations_from_prev_layer`: whether a layer is calibrated on what the
    ///     quantised layers before it give
    /// @param mutatesWeights whether weights may change
    public record Layerwise(boolean enable, boolean quantisedInputs, boolean mutatesWeights) {

        static Layerwise defaults(Method method) {
            return new Layerwise(false, method instanceof Gptq, true);
        }
    }

    /// What is done. [#name] is ModelOpt's name of it.
    public sealed interface Method {

        /// Returns ModelOpt's name; `none` where the recipe says null.
        default String name() {
            return switch (this) {
                case None none -> "none";
                case Max max -> "max";
                case Mse mse -> "mse";
                case LocalHessian hessian -> "local_hessian";
                case ActHeadroom headroom -> "nvfp4_act_headroom";
                case SmoothQuant smooth -> "smoothquant";
                case AwqLite lite -> "awq_lite";
                case AwqClip clip -> "awq_clip";
                case AwqFull full -> "awq_full";
                case SvdQuant svd -> "svdquant";
                case Gptq gptq -> "gptq";
                case Lsq lsq -> "lsq";
            };
        }
    }

    /// What recipes may name and Steelyard does not run: a plan refuses it by name.
    public sealed interface NotRun extends Method {}

    /// No calibration: only constant scales and dynamic quantizers can be had.
    public record None() implements Method {}

    /// Amax from the data as it is.
    ///
    /// @param syncExpertWeights `sync_expert_weight_amax`: whether the weights of a layer's experts share an amax
    /// @param sharedStates `shared_states` as one line of YAML, empty if not written
    public record Max(boolean syncExpertWeights, Optional<String> sharedStates) implements Method {

        /// As `max` without options does.
        public static final Max DEFAULT = new Max(false, Optional.empty());
    }

    /// Multipliers of an amax that are tried: `start`, … `stop`, about `step` apart.
    ///
    /// @param start smallest multiplier, positive
    /// @param stop largest multiplier, above `start`
    /// @param step distance, positive
    /// @param fp8Sweep whether every E4M3 block scale is tried instead, where blocks have one
    public record Search(double start, double stop, double step, boolean fp8Sweep) {}

    /// The multiplier with the smallest squared error of the weight.
    ///
    /// @param sharedStates as in [Max]
    public record Mse(Search search, Optional<String> sharedStates) implements Method {}

    /// The multiplier with the smallest error of the output, by the second moments of a block's inputs.
    ///
    /// @param blockSize inputs whose moments are taken together
    /// @param sharedStates as in [Max]
    public record LocalHessian(Search search, int blockSize, Optional<String> sharedStates) implements Method {}

    /// NVFP4 input scales with room above what was seen.
    ///
    /// @param anchorPercentile percentile of block amaxes that `rho` multiplies
    /// @param upperPercentile percentile that is covered in any case
    /// @param rho how far below the block scale's largest value the anchor lies
    /// @param weights what calibrates the weights
    public record ActHeadroom(double anchorPercentile, double upperPercentile, double rho, Method weights)
            implements Method {}

    /// Range moved from inputs to weights, INT8 alone.
    ///
    /// @param alpha exponent of the input's share, in [0, 1]
    public record SmoothQuant(double alpha) implements Method {}

    /// A factor per input channel, searched.
    ///
    /// @param alphaStep distance of the exponents tried, in (0, 1]
    public record AwqLite(double alphaStep) implements Method {}

    /// A clipped amax per block, searched.
    ///
    /// @param maxCoBatch output channels at once
    /// @param maxTokens tokens of a batch that are looked at
    /// @param minRatio smallest clipping tried, in (0, 1)
    /// @param shrinkStep distance of the clippings tried, in (0, 1]
    public record AwqClip(int maxCoBatch, int maxTokens, double minRatio, double shrinkStep) implements NotRun {}

    /// [AwqLite], then [AwqClip].
    public record AwqFull(AwqLite lite, AwqClip clip) implements NotRun {}

    /// A low-rank part of each weight stays unquantised.
    ///
    /// @param rank its rank
    /// @param skipLayers modules left out, as one line of YAML, empty if not written
    public record SvdQuant(int rank, Optional<String> skipLayers) implements NotRun {}

    /// Weights rounded one after the other, each making up for the error of those before.
    ///
    /// @param dampening share of the mean diagonal that is added to it
    /// @param blockSize columns solved together
    public record Gptq(double dampening, int blockSize) implements Method {}

    /// Scales learnt by training; of this, the start values alone can be had.
    ///
    /// @param scaleAlgorithm what gives the start values
    public record Lsq(Method scaleAlgorithm) implements Method {}
}
