package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import java.util.List;

/// A weight that shows its rows to the tap of a lane while they are decoded.
///
/// @param weight the weight
/// @param sites its weight site
record TappedWeight(StoredWeight weight, List<Site> sites, Lane lane) implements StoredWeight {

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
        return weight.formatName();
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        lane.kernels().decode(weight, fromRow, toRow, target, offset);
        lane.tap().rows(sites, Population.ROUTED, target, offset, toRow - fromRow, weight.columns());
    }
}
