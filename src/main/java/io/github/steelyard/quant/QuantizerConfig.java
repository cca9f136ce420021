package io.github.steelyard.quant;

import io.github.steelyard.format.Format;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// The attributes of one quantizer, with ModelOpt's names and defaults.
///
/// Further attributes are not lost: where a recipe sets one to something else than its default, it stands in `others`,
/// and [#unsupported] names those that Steelyard does not act on and that would change a number.
///
/// @param enable whether the quantizer does anything
/// @param numBits the element code; ModelOpt's default is 8-bit integers
/// @param axis axes that keep a scale of their own per index; empty = one scale for the tensor
/// @param blockSizes blocks that share a scale; excludes `axis`
/// @param dynamic whether all scales are computed at run time and nothing is calibrated
/// @param amax where amax comes from
/// @param others further attributes at other values than ModelOpt's default, as text
/// @param then the quantizer that what this one made goes through, if there is one
public record QuantizerConfig(
        boolean enable,
        NumBits numBits,
        List<Integer> axis,
        Optional<BlockSizes> blockSizes,
        boolean dynamic,
        AmaxSource amax,
        SortedMap<String, String> others,
        Optional<QuantizerConfig> then) {

    /// Attributes that never change a number here: for training, for another exporter, for a search.
    private static final Set<String> WITHOUT_EFFECT =
            Set.of("effective_bits", "pass_through_bwd", "trt_high_precision_dtype");

    private static final String CALIBRATOR = "calibrator";
    private static final String HISTOGRAM = "histogram";

    private static final Set<NumBits> STATIC_CODES = Set.of(NumBits.E4M3, NumBits.E2M1);

    /// The codes that ModelOpt knows.
    private static final Set<NumBits> CODES = Set.of(
            NumBits.E4M3,
            NumBits.E2M1,
            new NumBits.Floating(5, 2),
            new NumBits.Floating(1, 2),
            new NumBits.Floating(0, 3),
            new NumBits.Floating(3, 0),
            new NumBits.Floating(3, 2),
            new NumBits.Floating(2, 3));

    /// @throws IllegalArgumentException if ModelOpt's own validation rejects the combination
    public QuantizerConfig {
        axis = List.copyOf(axis);
        others = Collections.unmodifiableSortedMap(new TreeMap<>(others));
        if (!axis.isEmpty() && blockSizes.isPresent()) {
            throw new IllegalArgumentException("axis excludes block_sizes: give one of them");
        }
        if (numBits instanceof NumBits.Floating code) {
            checkCode(code, blockSizes);
        }
    }

    /// A quantizer that no other follows.
    public QuantizerConfig(
            boolean enable,
            NumBits numBits,
            List<Integer> axis,
            Optional<BlockSizes> blockSizes,
            boolean dynamic,
            AmaxSource amax,
            SortedMap<String, String> others) {
        this(enable, numBits, axis, blockSizes, dynamic, amax, others, Optional.empty());
    }

    /// Returns the names of the element codes of quantizers and block scales, in alphabetical order.
    public static List<String> codes() {
        return Stream.concat(CODES.stream(), Stream.of(NumBits.E8M0))
                .map(NumBits::toString)
                .sorted()
                .toList();
    }

    /// Returns an enabled quantizer of measured amax with one scale for the tensor.
    public static QuantizerConfig perTensor(NumBits numBits) {
        return new QuantizerConfig(
                true, numBits, List.of(), Optional.empty(), false, new AmaxSource.Measured(), new TreeMap<>());
    }

    /// Returns an enabled quantizer of measured amax with blocks.
    public static QuantizerConfig blocks(NumBits numBits, BlockSizes blockSizes) {
        return new QuantizerConfig(
                true, numBits, List.of(), Optional.of(blockSizes), false, new AmaxSource.Measured(), new TreeMap<>());
    }

    /// Returns an enabled quantizer of measured amax in `format`; empty for formats that no quantizer has here.
    public static Optional<QuantizerConfig> of(Format format) {
        return QuantizerFormat.attributes(format);
    }

    /// Returns this configuration, switched on or off.
    public QuantizerConfig withEnable(boolean on) {
        return new QuantizerConfig(on, numBits, axis, blockSizes, dynamic, amax, others, then);
    }

    /// Returns this configuration followed by another, as ModelOpt's quantizers in sequence.
    public QuantizerConfig then(QuantizerConfig next) {
        return new QuantizerConfig(enable, numBits, axis, blockSizes, dynamic, amax, others, Optional.of(next));
    }

    /// Returns this configuration with amax from `source`.
    public QuantizerConfig withAmax(AmaxSource source) {
        return new QuantizerConfig(enable, numBits, axis, blockSizes, dynamic, source, others, then);
    }

    /// Returns the format that Steelyard writes for these attributes; empty if it can write none.
    ///
    /// The two NVFP4 forms, with block scales computed on the fly (`type: dynamic`) and stored per block
    /// (`type: static`), are one format: see [#blockSizes] for which it is.
    public Optional<Format> format() {
        return QuantizerFormat.of(this);
    }

    /// Returns how many elements of a row share a scale, those of the format where it says so; 0 where rows are not
    /// cut.
    public int block() {
        return format().map(format -> format.hasOpenBlock()
                        ? blockSizes.map(BlockSizes::ofLastAxis).orElseThrow().orElseThrow()
                        : format.block())
                .orElse(0);
    }

    /// Returns the amax that the recipe pins; empty if it is measured or computed at run time.
    public Optional<Float> pinnedAmax() {
        return switch (amax) {
            case AmaxSource.Measured measured -> Optional.empty();
            case AmaxSource.Constant constant -> Optional.of(constant.amax());
            case AmaxSource.CodeRange range -> Optional.of(AmaxSource.CodeRange.AMAX);
        };
    }

    /// Returns whether the format rests on one amax for the whole tensor. It does not where scales are per channel,
    /// tile or token, nor in the MX formats, whose block scales stand alone.
    public boolean hasTensorAmax() {
        return format().map(Format::hasTensorScale).orElse(false);
    }

    /// Returns whether an amax is kept for each block, so that its scale may be searched, rather than made from the
    /// block wherever it is quantised.
    public boolean hasStaticBlocks() {
        return blockSizes.map(blocks -> !blocks.dynamic()).orElse(false);
    }

    /// Returns whether block scales leave room for blocks that end at 4 instead of 6.
    public boolean isFourOverSix() {
        return blockSizes.map(BlockSizes::fourOverSix).orElse(false);
    }

    /// Returns whether amax is chosen from a histogram of what was seen, rather than its maximum.
    public boolean isHistogram() {
        return HISTOGRAM.equals(others.get(CALIBRATOR));
    }

    /// Returns the attributes that are set, that Steelyard does not act on, and that would change a number.
    public SortedMap<String, String> unsupported() {
        SortedMap<String, String> found = new TreeMap<>(others);
        then.ifPresent(next -> found.putAll(next.others));
        found.keySet().removeAll(WITHOUT_EFFECT);
        if (isHistogram()) {
            found.remove(CALIBRATOR);
        }
        return found;
    }

    /// Returns the attributes that are set and change no number in calibration or export, for example those that matter
    /// in training only.
    public SortedMap<String, String> withoutEffect() {
        SortedMap<String, String> found = new TreeMap<>(others);
        found.keySet().retainAll(WITHOUT_EFFECT);
        return found;
    }

    /// Returns the attributes as a recipe writes them, defaults left out.
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("num_bits: ").append(numBits);
        if (!axis.isEmpty()) {
            text.append(", axis: ").append(axis.size() == 1 ? axis.getFirst() : axis);
        }
        blockSizes.ifPresent(blocks -> text.append(", block_sizes: ").append(blocks));
        if (dynamic) {
            text.append(", type: dynamic");
        }
        switch (amax) {
            case AmaxSource.Measured measured -> {}
            case AmaxSource.Constant constant ->
                text.append(", constant_amax: ").append(constant.amax());
            case AmaxSource.CodeRange range -> text.append(", use_constant_amax: true");
        }
        others.forEach(
                (name, value) -> text.append(", ").append(name).append(": ").append(value));
        if (!enable) {
            text.append(", enable: false");
        }
        then.ifPresent(next -> text.append("; then ").append(next));
        return text.toString();
    }

    private static void checkCode(NumBits.Floating code, Optional<BlockSizes> blockSizes) {
        if (!CODES.contains(code)) {
            throw new IllegalArgumentException(
                    "num_bits: no such code %s; known are e4m3, e5m2, e3m2, e2m3, e2m1, e1m2, e0m3, e3m0"
                            .formatted(code));
        }
        if (!STATIC_CODES.contains(code) && !blockSizes.map(BlockSizes::dynamic).orElse(false)) {
            throw new IllegalArgumentException(
                    "num_bits %s needs block_sizes with type: dynamic; only e4m3 and e2m1 work without"
                            .formatted(code));
        }
    }
}
