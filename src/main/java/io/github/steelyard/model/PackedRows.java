package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;

/// Weights of layers that read the same input, one below the other, packed in blocks of output features, so that
/// several workers can pack them. Where blocks begin depends on the layers' shapes alone.
final class PackedRows {

    /// Floats of a block, unless that is less than [#LEAST_ROWS] rows.
    private static final int BLOCK_FLOATS = 4 << 20;

    /// Blocks within a layer begin at multiples of this row: no product and no scale of a weight has larger steps.
    private static final int LEAST_ROWS = 512;

    private final List<Block> blocks;

    /// Rows of one layer.
    private record Piece(int layer, int from, int to) {}

    private record Block(int firstRow, int rows, List<Piece> pieces, PackedWeight weight) {}

    private PackedRows(List<Block> blocks) {
        this.blocks = blocks;
    }

    /// Packs weights, shared with idle workers, and shows them to the tap. An altering tap sees each of them as a
    /// whole, since blocks of rows may share a scale.
    ///
    /// @param memory where they are kept
    static PackedRows pack(List<Linear> layers, List<StoredWeight> weights, Lane lane, Scratch.Frame memory) {
        List<Block> blocks = blocks(weights, memory);
        if (lane.tap().alters()) {
            packAltered(blocks, layers, weights, lane);
        } else {
            lane.share(blocks.size(), (block, worker) -> packStored(blocks.get(block), layers, weights, worker));
        }
        return new PackedRows(blocks);
    }

    private static List<Block> blocks(List<StoredWeight> weights, Scratch.Frame memory) {
        int columns = Math.max(1, weights.getFirst().columns());
        int step = Math.max(LEAST_ROWS, BLOCK_FLOATS / columns / LEAST_ROWS * LEAST_ROWS);
        List<Block> blocks = new ArrayList<>();
        List<Piece> pieces = new ArrayList<>();
        int first = 0;
        int next = 0;
        for (int layer = 0; layer < weights.size(); layer++) {
            int rows = weights.get(layer).rows();
            if (next > first && next - first + rows > step) {
                blocks.add(new Block(first, next - first, List.copyOf(pieces), memory.packed()));
                pieces.clear();
                first = next;
            }
            for (int from = 0; from < rows; from += step) {
                int to = Math.min(rows, from + step);
                pieces.add(new Piece(layer, from, to));
                next += to - from;
                if (to < rows) {
                    blocks.add(new Block(first, next - first, List.copyOf(pieces), memory.packed()));
                    pieces.clear();
                    first = next;
                }
            }
        }
        blocks.add(new Block(first, next - first, List.copyOf(pieces), memory.packed()));
        return blocks;
    }

    private static void packStored(Block block, List<Linear> layers, List<StoredWeight> weights, Lane lane) {
        long start = lane.begin();
        List<StoredWeight> stored = block.pieces.stream()
                .map(piece -> rows(weights.get(piece.layer), piece.from, piece.to))
                .toList();
        RowListener listener = (piece, rows) -> lane.tap()
                .rows(
                        List.of(layers.get(block.pieces.get(piece).layer).site(Role.WEIGHT)),
                        new RowSource.Weight(),
                        rows.values(),
                        rows.offset(),
                        rows.rows(),
                        rows.columns());
        lane.pack(stored, lane.tap().watches(Role.WEIGHT) ? listener : RowListener.NONE, block.weight);
        lane.end(
                Phase.DEQUANTIZE,
                start,
                0,
                4.0 * block.rows * weights.getFirst().columns());
    }

    private static StoredWeight rows(StoredWeight weight, int from, int to) {
        return from == 0 && to == weight.rows() ? weight : weight.rowRange(from, to);
    }

    private static void packAltered(List<Block> blocks, List<Linear> layers, List<StoredWeight> weights, Lane lane) {
        int rows = weights.stream().mapToInt(StoredWeight::rows).sum();
        int columns = weights.getFirst().columns();
        try (Scratch.Frame frame = lane.frame()) {
            long start = lane.begin();
            float[] decoded = frame.floats((long) rows * columns);
            int at = 0;
            for (int i = 0; i < weights.size(); i++) {
                StoredWeight weight = weights.get(i);
                lane.kernels().decode(weight, 0, weight.rows(), decoded, at);
                if (lane.tap().watches(Role.WEIGHT)) {
                    List<Site> site = List.of(layers.get(i).site(Role.WEIGHT));
                    lane.tap().rows(site, new RowSource.Weight(), decoded, at, weight.rows(), columns);
                }
                at += weight.rows() * columns;
            }
            Matrix all = Matrix.dense(decoded, rows, columns);
            lane.share(blocks.size(), (index, worker) -> {
                Block block = blocks.get(index);
                worker.pack(all.rowRange(block.firstRow, block.firstRow + block.rows), block.weight);
            });
            lane.end(Phase.DEQUANTIZE, start, 0, 4.0 * rows * columns);
        }
    }

    /// Computes `c = a · Wᵀ`, or adds it to `c`, with rows `firstRow` to `firstRow + c.columns()` of the weights, of
    /// which the columns from `firstColumn` on that `a` has.
    void multiply(Matrix a, int firstRow, int firstColumn, Update update, Matrix c, Lane lane) {
        List<PackedWeight.Slice> parts = new ArrayList<>();
        for (Block block : blocks) {
            int from = Math.max(firstRow, block.firstRow);
            int to = Math.min(firstRow + c.columns(), block.firstRow + block.rows);
            if (from < to) {
                parts.add(block.weight.slice(
                        from - block.firstRow, to - block.firstRow, firstColumn, firstColumn + a.columns()));
            }
        }
        lane.multiply(a, parts, update, c);
    }
}
