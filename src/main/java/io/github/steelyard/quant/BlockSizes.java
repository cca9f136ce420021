package io.github.steelyard.quant;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.StringJoiner;
import java.util.TreeMap;

/// Which elements share a block scale: ModelOpt's `block_sizes`.
///
/// @param sizes elements per block along each axis, negative axes counted from the last; empty = the whole axis
/// @param dynamic whether the block scale is computed from the block at run time rather than stored
/// @param scaleBits the code of the block scale; empty = float32, not quantised
/// @param fourOverSix whether block scales are normalised to 256 so that a block may end at 4 instead of 6
public record BlockSizes(
        SortedMap<Integer, OptionalInt> sizes, boolean dynamic, Optional<NumBits> scaleBits, boolean fourOverSix) {

    /// @throws IllegalArgumentException if there is no axis, a size below 1, or more than one axis of dynamic blocks
    public BlockSizes {
        sizes = Collections.unmodifiableSortedMap(new TreeMap<>(sizes));
        if (sizes.isEmpty()) {
            throw new IllegalArgumentException("block_sizes names no axis");
        }
        if (dynamic && sizes.size() > 1) {
            throw new IllegalArgumentException(
                    "block_sizes: dynamic blocks lie along one axis only, found axes %s".formatted(sizes.keySet()));
        }
        sizes.forEach((axis, size) -> {
            if (size.isPresent() && size.getAsInt() < 1) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "block_sizes: size along axis %d must be at least 1, found %d",
                        axis,
                        size.getAsInt()));
            }
        });
    }

    /// Returns blocks of `size` consecutive elements of the last axis.
    public static BlockSizes lastAxis(int size, boolean dynamic, NumBits scaleBits) {
        return new BlockSizes(new TreeMap<>(Map.of(-1, OptionalInt.of(size))), dynamic, Optional.of(scaleBits), false);
    }

    /// Returns how many elements of the last axis make a block, where that is the only axis and they are not all.
    public OptionalInt ofLastAxis() {
        OptionalInt size = sizes.get(-1);
        return sizes.size() == 1 && size != null ? size : OptionalInt.empty();
    }

    /// Returns whether there is one block axis, the last, and its blocks hold `size` elements.
    boolean isLastAxis(int size) {
        return sizes.equals(Map.of(-1, OptionalInt.of(size)));
    }

    @Override
    public String toString() {
        StringJoiner text = new StringJoiner(", ", "{", "}");
        sizes.forEach((axis, size) -> text.add(axis + ": " + (size.isPresent() ? size.getAsInt() : "null")));
        text.add("type: " + (dynamic ? "dynamic" : "static"));
        scaleBits.ifPresent(bits -> text.add("scale_bits: " + bits));
        if (fourOverSix) {
            text.add("four_over_six: true");
        }
        return text.toString();
    }
}
