package io.github.steelyard.kernel;

import io.github.steelyard.format.StoredWeight;

/// Arithmetic on float32 arrays other than the matrix product, on slices `array[offset .. offset + length)`.
///
/// Two implementations: [#reference] (plain loops, the specification) and a SIMD path. What both promise:
///
/// * **Position-free.** The result for an element, or for a reduced slice, depends on the values of that slice alone,
///   never on the offset, on neighbouring memory or on whether the element lies in a vector's tail. So results do not
///   depend on how rows are batched.
/// * **Elementwise operations and the order-independent reductions ([#absMax] and its kin, [#countNonFinite],
///   [#decode]), and the errors, whose order is fixed, give the same bits in both implementations**, NaN payloads
///   excepted. Sums ([#dot], [#sumOfSquares], [#rmsNorm], [#softmax]) differ within the bounds of `docs/NUMERICS.md`.
/// * Slices may be empty. Input and output slices may be the same slice, but must not overlap otherwise.
///
/// Implementations hold no state and may be used from several threads.
public sealed interface Kernels permits ReferenceKernels, VectorKernels {

    /// Returns the plain loops.
    static Kernels reference() {
        return new ReferenceKernels("asked for");
    }

    /// Returns the fastest implementation that this JVM can run; [#reason] tells why not a faster one.
    static Kernels fastest() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return new ReferenceKernels("no SIMD: the JVM runs without --add-modules jdk.incubator.vector");
        }
        return VectorKernels.fastest();
    }

    /// Returns a short name for log and provenance, for example `reference` or `vector-512`.
    String name();

    /// Returns why this implementation was taken, and why a faster one was declined, in one line.
    String reason();

    /// Decodes rows `fromRow` (inclusive) to `toRow` (exclusive) of `weight` into `target`, row-major and dense.
    /// The same bits as [StoredWeight#decodeRows].
    void decode(StoredWeight weight, int fromRow, int toRow, float[] target, int offset);

    /// Copies the transpose of `x (rows, columns)`, rows `ldx` apart, to `y (columns, rows)`, rows `ldy` apart.
    void transpose(float[] x, int xOffset, int ldx, int rows, int columns, float[] y, int yOffset, int ldy);

    /// Returns the largest absolute value, 0 for an empty slice. A NaN beats infinity, which beats every finite value,
    /// so that a non-finite element is always visible in the result.
    float absMax(float[] x, int offset, int length);

    /// Returns the largest absolute value of the finite elements, 0 if there are none.
    float absMaxFinite(float[] x, int offset, int length);

    /// Raises `amax[amaxOffset + j]` to the largest absolute value in column `j` of the dense `(rows, columns)` matrix
    /// `x`. Same order as [#absMax]; the old `amax` values must be absolute values.
    void absMaxColumns(float[] x, int offset, int rows, int columns, float[] amax, int amaxOffset);

    /// Writes the squared error of each of `blocks` blocks of 16 elements in E2M1 under a scale of its own. Element `e`
    /// of block `i` is `x[offset + e * blocks + i]`, finite. With `y = e2m1(|x| / scale) * scale`, nothing but zeros
    /// where the scale is 0, and `d = (|x| - y)²`:
    ///
    /// ```text
    /// error = (d[0] + d[8]) + (d[1] + d[9]) + … + (d[7] + d[15])      in float32, from left to right
    /// ```
    ///
    /// @param scales of each block, not negative, finite
    /// @param errors receives a value for each block
    void fp4Errors(float[] x, int offset, int blocks, float[] scales, float[] errors);

    /// Writes what E2M1 leaves of each element of `blocks` blocks under a scale of its block, in float32:
    /// `x - e2m1(x / scale) * scale`, or `x` where the scale is 0. Elements lie as in [#fp4Errors].
    ///
    /// @param elements of each block
    /// @param scales of each block, not negative, finite
    /// @param residuals receives a value for each element, in the same order, from its start
    void fp4Residuals(float[] x, int offset, int elements, int blocks, float[] scales, float[] residuals);

    /// Writes the value of a quadratic form for each of `blocks` vectors of 16 elements, in float32 and this order, `i`
    /// and `j` ascending:
    ///
    /// ```text
    /// value = Σ_i x[i] · (form[i, i] · x[i] + Σ_{j > i} form[i, j] · x[j])
    /// ```
    ///
    /// @param x elements as in [#fp4Errors]
    /// @param form `(16, 16)`; what is below the diagonal is not read
    /// @param values receives a value for each block
    void quadraticForms(float[] x, int blocks, float[] form, float[] values);

    /// Returns the squared error of finite elements in E4M3. With `y = e4m3(x * factor) * inverse`, `(x - y)²` of
    /// element `i` is made in float32 and added in float64 to the sum `i mod 16`, these one after the other in the end.
    double fp8Error(float[] x, int offset, int length, float factor, float inverse);

    /// Returns the squared error of finite elements in integers from `-largest - 1` to `largest`. With
    /// `y = clamp(rint(x * factor)) / factor`, or 0 where the factor is 0, `(x - y)²` is summed as in [#fp8Error].
    double intError(float[] x, int offset, int length, float factor, int largest);

    /// Returns how many elements are NaN or infinite.
    long countNonFinite(float[] x, int offset, int length);

    /// `y += x`, elementwise.
    void add(float[] x, int xOffset, float[] y, int yOffset, int length);

    /// `y = fma(a, x, y)`, elementwise: one rounding.
    void addScaled(float a, float[] x, int xOffset, float[] y, int yOffset, int length);

    /// `x *= a`, elementwise.
    void scale(float a, float[] x, int offset, int length);

    /// `y *= x`, elementwise.
    void multiply(float[] x, int xOffset, float[] y, int yOffset, int length);

    /// Adds `bias (columns)` to each row of `y (rows, columns)`, whose rows start `stride` elements apart.
    default void addBias(float[] bias, int biasOffset, float[] y, int yOffset, int rows, int columns, int stride) {
        for (int row = 0; row < rows; row++) {
            add(bias, biasOffset, y, yOffset + row * stride, columns);
        }
    }

    /// Returns the sum of the elements' products.
    float dot(float[] x, int xOffset, float[] y, int yOffset, int length);

    /// Returns the sum of the squares.
    float sumOfSquares(float[] x, int offset, int length);

    /// Root-mean-square norm of one row: `y = x / sqrt(mean(x²) + epsilon) * (weightOffset + weight)`.
    ///
    /// @param weight one factor per element, from index 0 on; empty for a norm without weight
    /// @param weightOffset 0, or 1 for weights stored around zero (Gemma, Qwen3-Next)
    void rmsNorm(
            float[] x,
            int xOffset,
            float[] weight,
            float weightOffset,
            float epsilon,
            float[] y,
            int yOffset,
            int length);

    /// Softmax in place: `exp(factor x - max) / sum`. Elements at negative infinity become 0; at least one must be
    /// finite.
    ///
    /// @param factor what the elements are multiplied with first, above 0
    /// @param sink one more logit, the attention sink, whose own probability is dropped; negative infinity for none
    void softmax(float factor, float[] x, int offset, int length, float sink);

    /// `x = exp(x)`, within 1 ulp; overflow gives infinity, underflow goes through the subnormals to 0.
    void exp(float[] x, int offset, int length);

    /// `x = 1 / (1 + exp(-x))`.
    void sigmoid(float[] x, int offset, int length);

    /// `x = x / (1 + exp(-x))`; NaN at negative infinity, as in PyTorch.
    void silu(float[] x, int offset, int length);

    /// `out = silu(gate) * up`. `out` may be `gate` or `up`.
    void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, float[] out, int outOffset, int length);

    /// The gated unit of gpt-oss: with `g = min(gate, limit)` and `u = clamp(up, -limit, limit)`,
    /// `out = (u + 1) * (g * sigmoid(alpha * g))`. `out` may be `gate` or `up`.
    void clampedSwiglu(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float alpha,
            float[] out,
            int outOffset,
            int length);

    /// `x = max(x, 0)²`.
    void relu2(float[] x, int offset, int length);

    /// `x = log(1 + exp(x))`, and `x` itself above 20, as in PyTorch.
    void softplus(float[] x, int offset, int length);

    /// Rotary embedding of one head in the half-split layout: for each `i < half`, rotates the pair
    /// `(x[i], x[i + half])` by the angle whose cosine and sine are `cos[angleOffset + i]`, `sin[angleOffset + i]`.
    void rotateHalf(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half);

    /// Rotary embedding of one head in the interleaved layout: rotates the pairs `(x[2i], x[2i + 1])`, `i < half`.
    void rotateInterleaved(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half);
}
