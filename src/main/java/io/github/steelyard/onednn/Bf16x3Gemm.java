package io.github.steelyard.onednn;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.ReferenceKernels;
import io.github.steelyard.kernel.VectorKernels;
import io.github.steelyard.matrix.DenseSource;
import io.github.steelyard.matrix.GemmProvider.UnavailableException;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.StoredSource;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.WeightSource;
import io.github.steelyard.matrix.Workspace;
import io.github.steelyard.onednn.OneDnn.Operands;
import io.github.steelyard.onednn.OneDnn.Product;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;

/// The float32 matrix product from three of bf16 ([Bf16Split]), by oneDNN's `matmul`: for processors with matrix tiles
/// (AMX), which compute bf16 at many times the rate of float32.
///
/// `x · w = high · w + mid · w + low · w`: a bf16 weight times a part of an activation is exact in float32, so only the
/// sums round, as in any float32 product. The three parts of a tile of rows lie one below the other and are one product
/// of three times the rows, whose results are added when they are taken back to the heap. Rows are cut into tiles as in
/// [OneDnnGemm]; what was said there of an element's bits holds here.
///
/// Weights are kept as bf16 without their scales ([ScaleOutside]), which multiply the sums. Weights that have more
/// bits, subnormal or non-finite values, or scales outside [#SMALLEST_SCALE] to [#LARGEST_SCALE], are left to the
/// float32 product; so are weights that were computed or altered.
public final class Bf16x3Gemm implements MatrixProduct {

    /// Scales below this, other than zero, are left to the float32 product: sums must not leave float32's range.
    static final float SMALLEST_SCALE = 0x1p-64f;

    /// Scales above this are left to the float32 product.
    static final float LARGEST_SCALE = 0x1p64f;

    private static final int PARTS = 3;
    private static final int SMALLEST_TILE = 8;
    private static final List<String> INSTRUCTIONS = List.of("bf16", "fp16", "avx10", "amx");

    private final OneDnnGemm float32;
    private final OneDnn library;
    private final Kernels kernels;
    private final Bf16Split split;
    private final String kernel;
    private final Map<Extents, Product> products = new ConcurrentHashMap<>();
    private final Map<String, AtomicLong> declined = new ConcurrentSkipListMap<>();

    private record Extents(int m, int n, int k) {}

    private Bf16x3Gemm(OneDnnGemm float32, Kernels kernels) {
        this.float32 = float32;
        this.library = float32.library();
        this.kernels = kernels;
        this.split = switch (kernels) {
            case VectorKernels vector -> new VectorSplit();
            case ReferenceKernels reference -> new Bf16Split.Plain();
        };
        this.kernel = product(OneDnnGemm.TILE_ROWS, OneDnnGemm.CHUNK, OneDnnGemm.CHUNK)
                .implementation();
    }

    /// Loads the library.
    ///
    /// @throws UnavailableException if it has no bf16 product for this machine
    public static Bf16x3Gemm load(Kernels kernels) throws UnavailableException {
        OneDnnGemm float32 = OneDnnGemm.load(kernels);
        try {
            Bf16x3Gemm gemm = new Bf16x3Gemm(float32, kernels);
            if (INSTRUCTIONS.stream().noneMatch(gemm.kernel::contains)) {
                throw new UnavailableException("needs AMX or AVX512_BF16, oneDNN found " + gemm.kernel);
            }
            OneDnnGemm.requireKernel(gemm.kernel);
            return gemm;
        } catch (IllegalStateException e) {
            throw new UnavailableException("has no bf16 product for this machine: " + e.getMessage(), e);
        }
    }

    /// Returns the bf16 product alone.
    Bf16Load load() {
        return Bf16Load.of(library);
    }

    /// Returns whether the product is computed in matrix tiles; elsewhere it is slower than float32.
    public boolean hasTiles() {
        return kernel.contains("amx");
    }

    @Override
    public String name() {
        return "onednn-bf16x3-" + library.version();
    }

    @Override
    public String detail() {
        return hasTiles() ? kernel : kernel + ", slow here: the processor has no matrix tiles (AMX)";
    }

    @Override
    public RowPromise rows() {
        return RowPromise.SAME_BITS;
    }

    @Override
    public int smallest() {
        return float32.smallest();
    }

    @Override
    public List<String> remarks() {
        List<String> remarks = new ArrayList<>();
        declined.forEach((reason, count) ->
                remarks.add(String.format(Locale.ROOT, "packed as float32, %d times: %s", count.get(), reason)));
        return remarks;
    }

    @Override
    public Weight newWeight() {
        return new Bf16Panels();
    }

    @Override
    public Worker newWorker() {
        return new Tiles(new OneDnnWorker(library), float32.newWorker());
    }

    private Product product(int rows, int n, int k) {
        return products.computeIfAbsent(
                new Extents(PARTS * rows, n, k), e -> library.product(Operands.BF16, e.m, e.n, e.k));
    }

    /// The work of one thread.
    private final class Tiles implements Worker {

        private final OneDnnWorker worker;
        private final Worker floats;
        private final Bf16Packer packer = new Bf16Packer(split, kernels);
        private float[] line = new float[0];

        Tiles(OneDnnWorker worker, Worker floats) {
            this.worker = worker;
            this.floats = floats;
        }

        @Override
        public void pack(WeightSource source, Weight target) {
            Bf16Panels panels = (Bf16Panels) target;
            switch (source) {
                case DenseSource computed -> packFloats(computed, panels);
                case StoredSource stored -> {
                    String reason = packer.pack(stored, panels);
                    if (!reason.isEmpty()) {
                        declined.computeIfAbsent(reason, r -> new AtomicLong()).incrementAndGet();
                        packFloats(stored.unwatched(stored.stored()), panels);
                    }
                }
            }
        }

        private void packFloats(WeightSource source, Bf16Panels panels) {
            panels.asFloat32().fill(float32, source, floats);
        }

        @Override
        public void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c) {
            Bf16Panels panels = (Bf16Panels) w.content();
            if (panels.isFloat32()) {
                floats.multiply(
                        a, panels.float32().slice(w.fromRow(), w.toRow(), w.fromColumn(), w.toColumn()), update, c);
            } else {
                multiplySplit(a, List.of(w), update, c);
            }
        }

        @Override
        public void multiply(Matrix a, List<PackedWeight.Slice> parts, Update update, Matrix c) {
            if (Bf16Panels.areAlike(parts)) {
                multiplySplit(a, parts, update, c);
            } else {
                Worker.super.multiply(a, parts, update, c);
            }
        }

        private void multiplySplit(Matrix a, List<PackedWeight.Slice> parts, Update update, Matrix c) {
            PackedWeight.Slice one = parts.getFirst();
            int block = ((Bf16Panels) one.content()).block();
            int first = one.fromColumn() / block;
            for (int index = first; index * block < one.toColumn(); index++) {
                int from = Math.max(one.fromColumn(), index * block);
                int to = Math.min(one.toColumn(), (index + 1) * block);
                Matrix columns = a.columnRange(from - one.fromColumn(), to - one.fromColumn());
                multiplyBlock(columns, parts, index, from, index == first ? update : Update.ADD, c);
            }
        }

        /// Multiplies the input features of one block.
        ///
        /// @param a columns of `A` from input feature `from` on
        private void multiplyBlock(
                Matrix a, List<PackedWeight.Slice> parts, int index, int from, Update update, Matrix c) {
            Bf16Panels one = (Bf16Panels) parts.getFirst().content();
            // The first input feature need not begin a step: zeros stand before it, and behind the last one.
            int lead = (from - index * one.block()) % Bf16Split.STEP;
            int start = from - index * one.block() - lead;
            int k = Bf16Panels.padded(lead + a.columns());
            // A chunk is one piece of memory only if it takes the whole depth of its panels, or is a single panel.
            int chunk = k == one.depth(index) ? OneDnnGemm.CHUNK : Bf16Split.WIDTH;
            Product largest = OneDnnGemm.largest(
                    parts, part -> product(OneDnnGemm.TILE_ROWS, OneDnnGemm.padded(Math.min(chunk, part.rows())), k));
            int tile;
            for (int row = 0; row < a.rows(); row += tile) {
                tile = OneDnnGemm.tileRows(a.rows() - row, SMALLEST_TILE, largest);
                int toRow = Math.min(a.rows(), row + tile);
                stage(a.rowRange(row, toRow), lead, k, tile);
                int column = 0;
                for (PackedWeight.Slice part : parts) {
                    Matrix result = c.rowRange(row, toRow).columnRange(column, column + part.rows());
                    multiplyStaged(tile, k, part, index, start, chunk, update, result);
                    column += part.rows();
                }
            }
        }

        /// Multiplies rows that are staged.
        ///
        /// @param start where in block `index` the input features begin
        private void multiplyStaged(
                int tile, int k, PackedWeight.Slice w, int index, int start, int chunk, Update update, Matrix c) {
            Bf16Panels panels = (Bf16Panels) w.content();
            for (int column = 0; column < w.rows(); column += chunk) {
                int toColumn = Math.min(w.rows(), column + chunk);
                int n = OneDnnGemm.padded(toColumn - column);
                MemorySegment result = worker.target((long) PARTS * tile * n);
                worker.execute(product(tile, n, k), panels.at(index, w.fromRow() + column, start));
                int scale = panels.scaleAt(index, w.fromRow() + column);
                unstage(result, tile, n, panels.scales(), scale, update, c.columnRange(column, toColumn));
            }
        }

        // Splits rows into three parts, one below the other, each padded with zero rows.
        private void stage(Matrix a, int lead, int k, int tile) {
            long rowBytes = (long) Short.BYTES * k;
            long partBytes = tile * rowBytes;
            MemorySegment target = worker.source(Math.ceilDiv(PARTS * partBytes, Float.BYTES));
            boolean padded = lead > 0 || a.columns() < k;
            if (padded) {
                line = Workspace.grown(line, k);
                Arrays.fill(line, 0, k, 0);
            }
            for (int row = 0; row < a.rows(); row++) {
                float[] from = a.values();
                int at = a.at(row);
                if (padded) {
                    System.arraycopy(from, at, line, lead, a.columns());
                    from = line;
                    at = 0;
                }
                long high = row * rowBytes;
                split.split(from, at, k, target, high, high + partBytes, high + 2 * partBytes);
            }
            for (int part = 0; part < PARTS; part++) {
                long end = part * partBytes + a.rows() * rowBytes;
                target.asSlice(end, (tile - a.rows()) * rowBytes).fill((byte) 0);
            }
        }

        private void unstage(
                MemorySegment result, int tile, int n, float[] scales, int scale, Update update, Matrix c) {
            long partBytes = (long) Float.BYTES * tile * n;
            for (int row = 0; row < c.rows(); row++) {
                long high = (long) Float.BYTES * row * n;
                split.join(
                        result,
                        high,
                        high + partBytes,
                        high + 2 * partBytes,
                        c.columns(),
                        scales,
                        scale,
                        update,
                        c.values(),
                        c.at(row));
            }
        }

        @Override
        public void close() {
            floats.close();
        }
    }
}
