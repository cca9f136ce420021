package io.github.steelyard.onednn;

import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.RowSelection;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A stored weight as a weight of few significant bits, times scales that can be applied to a product.
///
/// `weight[row][column] = codes[row][column] · scales[column / block][row]`. The codes are those of FP8, or of NVFP4
/// times their block scale; other formats are taken as they are, and have no scales.
///
/// @param codes the weight without its scales
/// @param block columns that share a scale; the number of columns if all of a row do
/// @param scales `(ceil(columns / block), rows)`; empty if all are 1
@SuppressWarnings("ArrayRecordComponent") // never compared
record ScaleOutside(StoredWeight codes, int block, float[] scales) {

    static ScaleOutside of(StoredWeight weight) {
        return switch (weight) {
            case Fp8Weight fp8 -> fp8(fp8);
            case Nvfp4Weight nvfp4 ->
                tensor(
                        new Nvfp4Weight(nvfp4.codes(), nvfp4.blockScales(), nvfp4.rows(), nvfp4.columns(), 1),
                        nvfp4.globalScale());
            case TransposedNvfp4Weight nvfp4 ->
                tensor(
                        new TransposedNvfp4Weight(nvfp4.codes(), nvfp4.blockScales(), nvfp4.rows(), nvfp4.columns(), 1),
                        nvfp4.globalScale());
            case TransposedWeight plain ->
                tensor(
                        new TransposedWeight(plain.elements(), plain.dtype(), plain.rows(), plain.columns(), 1),
                        plain.scale());
            case RowSelection selection -> selection(selection);
            default -> new ScaleOutside(weight, weight.columns(), new float[0]);
        };
    }

    private static ScaleOutside tensor(StoredWeight codes, float scale) {
        float[] scales = new float[scale == 1 ? 0 : codes.rows()];
        Arrays.fill(scales, scale);
        return new ScaleOutside(codes, codes.columns(), scales);
    }

    private static ScaleOutside fp8(Fp8Weight weight) {
        MemorySegment codes = weight.codes();
        int rows = weight.rows();
        int block = Math.min(weight.columns(), weight.blockColumns());
        int blocks = Math.ceilDiv(weight.columns(), Math.max(1, block));
        float[] scales = new float[Math.multiplyExact(blocks, rows)];
        for (int i = 0; i < blocks; i++) {
            for (int row = 0; row < rows; row++) {
                scales[i * rows + row] =
                        row % weight.blockRows() == 0 ? weight.scaleAt(row, i * block) : scales[i * rows + row - 1];
            }
        }
        StoredWeight plain = Fp8Weight.perTensor(codes, weight.dtype(), rows, weight.columns(), 1);
        return new ScaleOutside(plain, block, scales);
    }

    private static ScaleOutside selection(RowSelection selection) {
        ScaleOutside all = of(selection.source());
        int rows = selection.rows();
        int sourceRows = selection.source().rows();
        int blocks = all.scales.length == 0 ? 0 : all.scales.length / sourceRows;
        float[] scales = new float[blocks * rows];
        for (int i = 0; i < scales.length; i++) {
            int row = selection.firstRow() + i % rows * selection.step();
            scales[i] = all.scales[i / rows * sourceRows + row];
        }
        return new ScaleOutside(
                new RowSelection(all.codes, selection.firstRow(), selection.step(), rows), all.block, scales);
    }
}
