package io.github.steelyard.calibration;

import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import java.util.Optional;

/// Maps what was observed at a site, and how its quantizer is configured, to what is written.
///
/// A calibrator looks at one site and no other: what sites share, what experts without tokens get, and what a recipe
/// pins is decided by [ScaleResolver] from its results, the same for all. One that also needs the weight, or other
/// observations than maxima, takes them as further arguments, and says so before the pass.
sealed interface Calibrator {

    /// Returns the calibrator of a recipe's algorithm.
    ///
    /// @throws IllegalArgumentException if there is none; a plan refuses such a recipe
    static Calibrator of(Algorithm algorithm) {
        return switch (algorithm.method()) {
            case Algorithm.None none -> new Max(); // of sites whose amax is measured there are none
            case Algorithm.Max max -> new Max();
            case Algorithm.Mse mse -> new Max(); // of inputs; weights are WeightSearch's
            case Algorithm.LocalHessian hessian -> new Max(); // of inputs; weights are Solvers'
            case Algorithm.ActHeadroom headroom -> throw missing(headroom);
            case Algorithm.SmoothQuant smooth -> throw missing(smooth);
            case Algorithm.AwqLite lite -> throw missing(lite);
            case Algorithm.AwqClip clip -> throw missing(clip);
            case Algorithm.AwqFull full -> throw missing(full);
            case Algorithm.SvdQuant svd -> throw missing(svd);
            case Algorithm.Gptq gptq -> throw missing(gptq);
            case Algorithm.Lsq lsq -> new Max(); // as long as what it starts from is one of these
        };
    }

    /// Returns what to write, empty where nothing can be made of what was observed.
    ///
    /// @param quantizer its configuration; empty at a site without one, whose result serves others
    /// @param observed what one population of tokens showed, without NaN and infinities
    Optional<Calibrated> calibrate(Site site, Optional<QuantizerConfig> quantizer, Measurement observed);

    /// Takes the largest magnitude as it is. Zeros give nothing.
    record Max() implements Calibrator {

        @Override
        public Optional<Calibrated> calibrate(Site site, Optional<QuantizerConfig> quantizer, Measurement observed) {
            return observed.amax() > 0 ? Optional.of(new Calibrated.TensorAmax(observed.amax())) : Optional.empty();
        }
    }

    private static IllegalArgumentException missing(Algorithm.Method method) {
        return new IllegalArgumentException("no calibrator for algorithm '%s'".formatted(method.name()));
    }
}
