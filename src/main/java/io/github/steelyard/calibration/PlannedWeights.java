package io.github.steelyard.calibration;

import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.PartScales;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.search.BlockRule;
import io.github.steelyard.search.BlockSearch;
import io.github.steelyard.search.Fp8Scales;
import io.github.steelyard.search.IntScales;
import io.github.steelyard.search.Multipliers;
import io.github.steelyard.search.StaticScales;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.Optional;

/// How the weights of a plan are encoded, for an export and for fake quantization alike.
///
/// Scales that are searched by the weight alone are made in the encoder, and nowhere kept: they depend on the weight,
/// the shared amax and the recipe, so that they are the same wherever and however often they are made
/// (`docs/adr/0031-searched-where-encoded.md`).
///
/// @param scales the amax of each weight that has one for the tensor
public record PlannedWeights(Plan plan, ScaleTable scales) {

    /// Returns what encodes the weight of a module.
    ///
    /// @throws IllegalArgumentException if the plan leaves that weight as it is
    public WeightEncoder encoder(String module) {
        Site site = new Site(module, Role.WEIGHT);
        QuantizerConfig config = plan.config(site)
                .filter(found -> found.format().isPresent())
                .orElseThrow(() -> new IllegalArgumentException("%s is not quantised".formatted(site)));
        Format format = config.format().orElseThrow();
        float amax = scales.at(site).map(SiteScale::amax).orElse(0f);
        Arithmetic arithmetic = plan.arithmetic();
        if (format.coding() == Format.Coding.NVFP4 && !config.hasStaticBlocks() && hasFp8Input(module)) {
            // A kernel makes FP8 of a code times its block scale, which thus stays below 448 / 6.
            return new WeightEncoder(format, arithmetic, Fp8.scale(amax), Optional.empty());
        }
        return switch (format) {
            case NVFP4 ->
                config.hasStaticBlocks()
                        ? staticBlocks(config, arithmetic, amax)
                        : WeightEncoder.ofAmax(format, arithmetic, amax);
            case FP8_PER_CHANNEL, FP8_BLOCK ->
                new WeightEncoder(
                        format,
                        arithmetic,
                        1,
                        WeightSearch.multipliers(plan)
                                .map(tried -> new Fp8Scales(tried, format.tile(), Kernels.fastest())));
            case NVFP4_32 -> WeightEncoder.ofAmax(format, arithmetic, amax);
            case INT4_FP8 ->
                new WeightEncoder(
                        format, config.block(), arithmetic, arithmetic.tensorScale(format, amax), Optional.empty());
            case INT4, INT8_PER_CHANNEL ->
                new WeightEncoder(
                        format,
                        config.block(),
                        arithmetic,
                        1,
                        WeightSearch.multipliers(plan)
                                .map(tried -> new IntScales(
                                        tried, format.bits(), config.block(), arithmetic, Kernels.fastest())));
            case PLAIN,
                    FP8,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    MXFP4,
                    MXFP8,
                    INT8,
                    INT8_DYNAMIC_TOKEN,
                    INT8_GROUPS -> WeightEncoder.ofAmax(format, arithmetic, amax);
        };
    }

    private boolean hasFp8Input(String module) {
        return plan.scheme(module).input().equals(Optional.of(Format.FP8));
    }

    private WeightEncoder staticBlocks(QuantizerConfig config, Arithmetic arithmetic, float amax) {
        float largest = config.isFourOverSix() ? StaticScales.FOUR_OVER_SIX : E4m3.MAX;
        Optional<PartScales> blocks = amax > 0
                ? Optional.of(new BlockSearch(rule(), new StaticScales(amax, largest), Kernels.fastest()))
                : Optional.empty(); // zeros
        return new WeightEncoder(Format.NVFP4, arithmetic, arithmetic.staticScale(amax, largest), blocks);
    }

    private BlockRule rule() {
        Optional<Multipliers> multipliers = WeightSearch.multipliers(plan);
        return multipliers.isPresent()
                ? new BlockRule.Grid(multipliers.get())
                : WeightSearch.options(plan).isPresent() ? new BlockRule.Sweep() : new BlockRule.Largest();
    }
}
