package io.github.steelyard.format;

/// A weight whose decoded values are rounded to FP8 once more: ModelOpt's `W4A8_AWQ`, integers of four bits that a
/// server turns into FP8 codes before it multiplies.
///
/// `value = e4m3(w / scale) · scale`.
///
/// Source: MODELOPT (see `docs/SOURCES.md`).
///
/// @param weight what is rounded
/// @param scale the scale of the tensor, `weight_scale_2`
public record Fp8Rounded(StoredWeight weight, float scale) implements StoredWeight {

    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int columns() {
        return weight.columns();
    }

    @Override
    public String formatName() {
        return weight.formatName() + " and FP8";
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        weight.decodeRows(fromRow, toRow, target, offset);
        int end = offset + (toRow - fromRow) * weight.columns();
        for (int i = offset; i < end; i++) {
            target[i] = E4m3.round(target[i] / scale) * scale;
        }
    }
}
