package io.github.steelyard.report;

import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Scheme;
import java.util.Locale;
import java.util.Optional;

/// How one expert module is served: the engine's weight format and its quantisation keys.
///
/// @param format the engine's weight format
/// @param weight weight key
/// @param input input key
/// @param layout how integers are stored
record ExpertFormat(String format, String weight, String input, MoeLayer.WeightLayout layout) {

    private static final String COMPRESSED_TENSORS = "compressed-tensors";

    ExpertFormat(String format, String weight, String input) {
        this(format, weight, input, MoeLayer.WeightLayout.unknown());
    }

    static final ExpertFormat UNQUANTISED = new ExpertFormat("unquantized", MoeLayer.NONE, MoeLayer.NONE);

    /// Returns the format after a recipe: what it decides, and elsewhere what the checkpoint declares.
    static ExpertFormat of(Scheme planned, Optional<Declaration> declared) {
        if (!planned.isQuantised()) {
            return declared.map(ExpertFormat::declared).orElse(UNQUANTISED);
        }
        ExpertFormat before = declared.map(ExpertFormat::declared).orElse(UNQUANTISED);
        String input = planned.input().map(ExpertFormat::inputKey).orElse(MoeLayer.NONE);
        return planned.weight()
                .map(weight -> weight == Format.INT4
                        ? integers(int4(planned.block()), planned.block(), false)
                        : of(weight, input(weight, input)))
                .orElseGet(() -> new ExpertFormat(before.format, before.weight, input));
    }

    /// Returns the format that a checkpoint declares.
    static ExpertFormat declared(Declaration declared) {
        boolean fixed = declared.input() == Declaration.Input.STATIC;
        return switch (declared.format()) {
            case PLAIN -> UNQUANTISED;
            case FP8 -> of(declared.format(), fixed ? "fp8_static_tensor" : "fp8_dyn_tensor");
            case FP8_PER_CHANNEL -> of(declared.format(), "fp8_dyn_token");
            case FP8_BLOCK, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP -> of(declared.format(), "fp8_dyn_group128");
            case NVFP4, NVFP4_32 ->
                of(
                        declared.format(),
                        switch (declared.input()) {
                            case NONE -> MoeLayer.NONE;
                            case DYNAMIC, STATIC -> "nvfp4_dyn";
                            case STATIC_FP8 -> inputKey(Format.FP8);
                        });
            case MXFP4, INT4_FP8 ->
                of(
                        declared.format(),
                        declared.input() == Declaration.Input.STATIC_FP8 ? inputKey(Format.FP8) : MoeLayer.NONE);
            case MXFP8 -> of(declared.format(), "mxfp8_dyn");
            case INT4 -> integers(int4(declared.groupSize()), declared.groupSize(), declared.zeroPoints());
            case INT8_GROUPS -> integers("int8_static", declared.groupSize(), declared.zeroPoints());
            case INT8, INT8_PER_CHANNEL, INT8_DYNAMIC_TOKEN ->
                of(
                        declared.format(),
                        switch (declared.input()) {
                            case NONE -> MoeLayer.NONE;
                            case STATIC, STATIC_FP8 -> inputKey(Format.INT8);
                            case DYNAMIC -> inputKey(Format.INT8_DYNAMIC_TOKEN);
                        });
        };
    }

    private static String int4(int group) {
        return "int4_static" + (group == 32 ? "_g32" : "");
    }

    /// @param group columns that share a scale, 0 if nothing says how many
    private static ExpertFormat integers(String weight, int group, boolean zeroPoints) {
        return new ExpertFormat(
                "wna16",
                zeroPoints ? weight + "_asym" : weight,
                MoeLayer.NONE,
                new MoeLayer.WeightLayout(COMPRESSED_TENSORS, group == 0 ? -1 : group, zeroPoints, false, false));
    }

    /// Names what a checkpoint declares, for people.
    static String name(Optional<Declaration> declared) {
        return declared.filter(said -> said.format() != Format.PLAIN)
                .map(Declaration::label)
                .orElse("as stored");
    }

    private static ExpertFormat of(Format weight, String input) {
        return new ExpertFormat(engineFormat(weight), weightKey(weight), input);
    }

    /// Engines call integers of one byte by their width, and what is packed by the kernel that unpacks it.
    private static String engineFormat(Format weight) {
        return switch (weight.coding()) {
            case INTEGERS -> weight.block() == 0 && weight.hasOpenBlock() ? "wna16" : "int8";
            case PLAIN, FP8, NVFP4, MXFP4, MXFP8 -> weight.coding().text().toLowerCase(Locale.ROOT);
        };
    }

    private static String weightKey(Format weight) {
        return switch (weight) {
            case FP8, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP -> "fp8_static_tensor";
            case FP8_PER_CHANNEL -> "fp8_static_channel";
            case FP8_BLOCK -> "fp8_static_block128";
            case NVFP4, NVFP4_32 -> "nvfp4_static";
            case MXFP4 -> "mxfp4_static";
            case MXFP8 -> "mxfp8_static";
            case INT4, INT4_FP8 -> "int4_static";
            case INT8 -> "int8_static_tensor";
            case INT8_PER_CHANNEL, INT8_DYNAMIC_TOKEN -> "int8_static_channel";
            case INT8_GROUPS -> "int8_static";
            case PLAIN -> throw new AssertionError(weight);
        };
    }

    private static String inputKey(Format input) {
        return switch (input) {
            case FP8 -> "fp8_static_tensor";
            case FP8_DYNAMIC_TOKEN -> "fp8_dyn_token";
            case FP8_PER_CHANNEL, FP8_BLOCK, FP8_DYNAMIC_GROUP -> "fp8_dyn_group128";
            case NVFP4, NVFP4_32 -> "nvfp4_dyn";
            case MXFP4 -> "mxfp4_dyn";
            case MXFP8 -> "mxfp8_dyn";
            case INT8 -> "int8_static_tensor";
            case INT8_DYNAMIC_TOKEN, INT8_PER_CHANNEL -> "int8_dyn_token";
            case PLAIN, INT4, INT4_FP8, INT8_GROUPS -> throw new AssertionError(input);
        };
    }

    /// Block FP8 weights are served with inputs quantised per group of 128 at run time, whatever the recipe says.
    private static String input(Format weight, String key) {
        return weight == Format.FP8_BLOCK ? "fp8_dyn_group128" : key;
    }

    MoeLayer.Keys keys() {
        return MoeLayer.Keys.of(weight, input);
    }

    @Override
    public String toString() {
        return "%s (%s x %s)".formatted(format, weight, input);
    }
}
