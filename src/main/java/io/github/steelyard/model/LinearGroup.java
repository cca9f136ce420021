package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;

/// Linear layers that read the same input, computed as one product where the tap allows it: q, k and v, or gate and up.
public final class LinearGroup {

    private final List<Linear> members;
    private final int columns;
    private final int rows;
    private final boolean biased;

    /// @throws IllegalArgumentException if there is no member or the members differ in input width
    public LinearGroup(List<Linear> members) {
        this.members = List.copyOf(members);
        this.columns = members.getFirst().info().columns();
        this.rows = members.stream().mapToInt(member -> member.info().rows()).sum();
        this.biased = members.stream().anyMatch(member -> member.bias().isPresent());
        if (members.stream().anyMatch(member -> member.info().columns() != columns)) {
            throw new IllegalArgumentException("layers that share an input differ in its width: %s".formatted(members));
        }
    }

    /// Returns the group of these layers.
    public static LinearGroup of(Linear... members) {
        return new LinearGroup(List.of(members));
    }

    /// Returns the layers, in output order.
    public List<Linear> members() {
        return members;
    }

    /// Returns the output features of all members together.
    public int rows() {
        return rows;
    }

    /// Returns the input features.
    public int columns() {
        return columns;
    }

    /// Returns the tensors besides the weights that the members read.
    public List<ExpectedTensor> tensors() {
        return members.stream().flatMap(member -> member.tensors().stream()).toList();
    }

    /// Returns the modules.
    public List<ModuleInfo> modules() {
        return members.stream().map(Linear::info).toList();
    }

    /// Decodes the weights into memory of `memory`, in blocks that are shared with idle workers.
    public Loaded load(Weights weights, Lane lane, Scratch.Frame memory) {
        List<StoredWeight> stored =
                members.stream().map(member -> member.open(weights, lane)).toList();
        PackedRows weight = PackedRows.pack(members, stored, lane, memory);
        float[] bias = memory.floats(biased ? rows : 0);
        if (biased) {
            int row = 0;
            for (Linear member : members) {
                member.readBias(weights, bias, row);
                row += member.info().rows();
            }
        }
        return new Loaded(this, weight, bias, Additions.load(members, weights, lane, memory), parts(lane.tap()));
    }

    /// Consecutive members that the tap treats alike.
    private record Part(List<Site> sites, int firstRow, int rows) {}

    private List<Part> parts(Tap tap) {
        List<Site> sites =
                members.stream().map(member -> member.site(Role.INPUT)).toList();
        if (!tap.alters()) {
            return List.of(new Part(sites, 0, rows));
        }
        List<Part> parts = new ArrayList<>();
        for (List<Site> alike : tap.partition(sites)) {
            parts.addAll(runs(alike));
        }
        return parts;
    }

    private List<Part> runs(List<Site> alike) {
        List<Part> runs = new ArrayList<>();
        int row = 0;
        for (Linear member : members) {
            Site site = member.site(Role.INPUT);
            int size = member.info().rows();
            if (alike.contains(site)) {
                Part last = runs.isEmpty() ? null : runs.getLast();
                if (last != null && last.firstRow + last.rows == row) {
                    List<Site> sites = new ArrayList<>(last.sites);
                    sites.add(site);
                    runs.set(runs.size() - 1, new Part(sites, last.firstRow, last.rows + size));
                } else {
                    runs.add(new Part(List.of(site), row, size));
                }
            }
            row += size;
        }
        return runs;
    }

    /// A group with its weights in memory.
    public static final class Loaded {

        private final LinearGroup group;
        private final PackedRows weight; // (rows, columns)
        private final float[] bias; // (rows) or unused
        private final Additions additions;
        private final List<Part> parts;

        private Loaded(LinearGroup group, PackedRows weight, float[] bias, Additions additions, List<Part> parts) {
            this.group = group;
            this.weight = weight;
            this.bias = bias;
            this.additions = additions;
            this.parts = parts;
        }

        /// Returns the output features of all members together: the width of a row of the result.
        public int rows() {
            return group.rows;
        }

        /// Returns the input features.
        public int columns() {
            return group.columns;
        }

        /// Shows the input to the tap, computes `y = x · Wᵀ + b` for `tokens` rows, with what adapters add, and shows
        /// the output to it. Where the tap alters the input, adapters still read it as it was, as in servers.
        ///
        /// @param x dense rows `(tokens, columns)`; not changed
        /// @param y receives `(tokens, rows)`
        public void forward(float[] x, int tokens, float[] y, Phase phase, Lane lane) {
            if (!lane.tap().alters()) {
                tapInput(x, tokens, lane);
                multiplyRows(x, tokens, 0, group.rows, y, 0, group.rows, phase, lane);
            } else {
                for (Part part : parts) {
                    try (Scratch.Frame frame = lane.frame()) {
                        float[] altered = frame.floats((long) tokens * group.columns);
                        System.arraycopy(x, 0, altered, 0, tokens * group.columns);
                        lane.show(part.sites, altered, 0, tokens, group.columns);
                        multiplyRows(
                                altered,
                                x,
                                tokens,
                                part.firstRow,
                                part.rows,
                                y,
                                part.firstRow,
                                group.rows,
                                phase,
                                lane);
                    }
                }
            }
            if (lane.tap().watches(Role.OUTPUT) && tokens > 0) {
                tapOutputs(y, tokens, lane);
            }
        }

        /// Shows each member's output to the tap, and takes over what that makes of it.
        private void tapOutputs(float[] y, int tokens, Lane lane) {
            int first = 0;
            for (Linear member : group.members) {
                int width = member.info().rows();
                try (Scratch.Frame frame = lane.frame()) {
                    float[] own = frame.floats((long) tokens * width);
                    for (int token = 0; token < tokens; token++) {
                        System.arraycopy(y, token * group.rows + first, own, token * width, width);
                    }
                    lane.show(List.of(member.site(Role.OUTPUT)), own, 0, tokens, width);
                    for (int token = 0; lane.tap().alters() && token < tokens; token++) {
                        System.arraycopy(own, token * width, y, token * group.rows + first, width);
                    }
                }
                first += width;
            }
        }

        /// Shows the input to a tap that does not alter it.
        public void tapInput(float[] x, int tokens, Lane lane) {
            if (lane.tap().watches(Role.INPUT) && tokens > 0) {
                long start = lane.begin();
                lane.show(parts.getFirst().sites, x, 0, tokens, group.columns);
                lane.end(Phase.STATISTICS, start, 0, 4.0 * tokens * group.columns);
            }
        }

        /// Computes the same for `tokens` rows without showing anything to the tap.
        public void multiply(float[] x, int tokens, float[] y, Phase phase, Lane lane) {
            multiplyRows(x, tokens, 0, group.rows, y, 0, group.rows, phase, lane);
        }

        /// Computes output features `firstRow` to `firstRow + rows` into columns of `y` from `yOffset` on.
        ///
        /// @param yStride distance between two rows of `y`
        public void multiplyRows(
                float[] x,
                int tokens,
                int firstRow,
                int rows,
                float[] y,
                int yOffset,
                int yStride,
                Phase phase,
                Lane lane) {
            multiplyRows(x, x, tokens, firstRow, rows, y, yOffset, yStride, phase, lane);
        }

        private void multiplyRows(
                float[] x,
                float[] adapted, // the same rows, as adapters read them
                int tokens,
                int firstRow,
                int rows,
                float[] y,
                int yOffset,
                int yStride,
                Phase phase,
                Lane lane) {
            Matrix input = Matrix.dense(x, tokens, group.columns);
            Matrix unaltered = Matrix.dense(adapted, tokens, group.columns);
            RowSource source = lane.source();
            lane.shareRows(tokens, (from, count, worker) -> {
                long start = worker.begin();
                Matrix output = new Matrix(y, yOffset + from * yStride, count, rows, yStride);
                weight.multiply(input.rowRange(from, from + count), firstRow, 0, Update.SET, output, worker);
                if (group.biased) {
                    worker.kernels().addBias(bias, firstRow, y, output.offset(), count, rows, yStride);
                }
                end(phase, start, count, rows, group.columns, worker);
                additions.add(unaltered.rowRange(from, from + count), source, from, firstRow, 0, output, phase, worker);
            });
        }

        /// Adds to `y` what input features `firstColumn` to `firstColumn + columns` contribute; the first of them
        /// overwrites `y` and adds the bias.
        ///
        /// @param x dense rows `(tokens, columns)` of those features alone
        /// @param y `(tokens, rows)`
        public void multiplyColumns(
                float[] x, int tokens, int firstColumn, int columns, float[] y, Phase phase, Lane lane) {
            long start = lane.begin();
            Matrix input = Matrix.dense(x, tokens, columns);
            Matrix output = Matrix.dense(y, tokens, group.rows);
            weight.multiply(input, 0, firstColumn, firstColumn == 0 ? Update.SET : Update.ADD, output, lane);
            if (group.biased && firstColumn == 0) {
                lane.kernels().addBias(bias, 0, y, 0, tokens, group.rows, group.rows);
            }
            end(phase, start, tokens, group.rows, columns, lane);
            additions.add(input, lane.source(), 0, 0, firstColumn, output, phase, lane);
        }

        private static void end(Phase phase, long start, int tokens, int rows, int columns, Lane lane) {
            double flops = 2.0 * tokens * rows * columns;
            lane.end(phase, start, flops, 4.0 * ((double) rows * columns + (double) tokens * (rows + columns)));
        }
    }
}
