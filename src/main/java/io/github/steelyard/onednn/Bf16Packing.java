package io.github.steelyard.onednn;

import io.github.steelyard.format.StoredWeight;
import java.util.List;
import java.util.stream.Collectors;

/// How stored weights, one below the other, become one weight of bf16 values with scales outside.
///
/// @param codes the weights without their scales
/// @param block input features that share a scale
/// @param scales `(ceil(columns / block), rows of all weights)`; empty if all are 1
/// @param formats what the weights are, for people
/// @param declined why this is not possible; empty if it is
@SuppressWarnings("ArrayRecordComponent") // never compared
record Bf16Packing(List<StoredWeight> codes, int block, float[] scales, String formats, String declined) {

    /// Whether the values themselves fit is seen only when they are decoded.
    static Bf16Packing of(List<StoredWeight> weights) {
        String formats =
                weights.stream().map(StoredWeight::formatName).distinct().collect(Collectors.joining(", "));
        List<ScaleOutside> parts = weights.stream().map(ScaleOutside::of).toList();
        List<StoredWeight> codes = parts.stream().map(ScaleOutside::codes).toList();
        int columns = weights.getFirst().columns();
        int block = parts.stream().mapToInt(ScaleOutside::block).min().orElse(columns);
        boolean alike = parts.stream().allMatch(part -> part.block() == block || part.block() == columns);
        if (!alike || (block < columns && block % Bf16Split.STEP != 0)) {
            return new Bf16Packing(codes, block, new float[0], formats, formats + ", blocks of other extents");
        }
        float[] scales = new float[0];
        if (parts.stream().anyMatch(part -> part.scales().length > 0)) {
            scales = joined(parts, Math.ceilDiv(columns, block));
        }
        for (float scale : scales) {
            if (!isNearOne(scale)) {
                return new Bf16Packing(codes, block, scales, formats, formats + ", a scale far from 1");
            }
        }
        return new Bf16Packing(codes, block, scales, formats, "");
    }

    private static boolean isNearOne(float scale) {
        float magnitude = Math.abs(scale);
        return magnitude == 0 || (magnitude >= Bf16x3Gemm.SMALLEST_SCALE && magnitude <= Bf16x3Gemm.LARGEST_SCALE);
    }

    private static float[] joined(List<ScaleOutside> parts, int blocks) {
        int rows = parts.stream().mapToInt(part -> part.codes().rows()).sum();
        float[] scales = new float[Math.multiplyExact(blocks, rows)];
        int first = 0;
        for (ScaleOutside part : parts) {
            int count = part.codes().rows();
            int own = part.scales().length / Math.max(1, count); // blocks: none, one, or all
            for (int i = 0; i < blocks; i++) {
                for (int row = 0; row < count; row++) {
                    scales[i * rows + first + row] = own == 0 ? 1 : part.scales()[Math.min(i, own - 1) * count + row];
                }
            }
            first += count;
        }
        return scales;
    }
}
