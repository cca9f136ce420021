package io.github.steelyard.onednn;

import io.github.steelyard.matrix.Update;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// [Bf16Split] in the Vector API. A vector of first halves and one of second halves make one of pairs, lane by lane.
record VectorSplit() implements Bf16Split {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = SPECIES.vectorShape().withLanes(int.class);
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final int LANES = SPECIES.length(); // 4, 8 or 16: divides HALF
    private static final Plain REST = new Plain();

    @Override
    public void split(float[] x, int at, int count, MemorySegment target, long high, long mid, long low) {
        for (int block = 0; block < count; block += STEP) {
            for (int j = 0; j < HALF; j += LANES) {
                int from = at + block + j;
                long to = (block / 2 + j) * (long) Integer.BYTES;
                FloatVector a = FloatVector.fromArray(SPECIES, x, from);
                FloatVector b = FloatVector.fromArray(SPECIES, x, from + HALF);
                IntVector aBits = a.reinterpretAsInts();
                IntVector bBits = b.reinterpretAsInts();
                IntVector aHigh = aBits.and(KEPT);
                IntVector bHigh = bBits.and(KEPT);
                // An infinity minus itself would be NaN.
                VectorMask<Float> aInfinite = aBits.and(MAGNITUDE).eq(INFINITY).cast(SPECIES);
                VectorMask<Float> bInfinite = bBits.and(MAGNITUDE).eq(INFINITY).cast(SPECIES);
                FloatVector aRest = a.sub(aHigh.reinterpretAsFloats()).blend(0f, aInfinite);
                FloatVector bRest = b.sub(bHigh.reinterpretAsFloats()).blend(0f, bInfinite);
                IntVector aMid = aRest.reinterpretAsInts().and(KEPT);
                IntVector bMid = bRest.reinterpretAsInts().and(KEPT);
                IntVector aLow = aRest.sub(aMid.reinterpretAsFloats()).reinterpretAsInts();
                IntVector bLow = bRest.sub(bMid.reinterpretAsFloats()).reinterpretAsInts();
                aHigh.lanewise(VectorOperators.LSHR, Short.SIZE).or(bHigh).intoMemorySegment(target, high + to, ORDER);
                aMid.lanewise(VectorOperators.LSHR, Short.SIZE).or(bMid).intoMemorySegment(target, mid + to, ORDER);
                aLow.lanewise(VectorOperators.LSHR, Short.SIZE)
                        .or(bLow.and(KEPT))
                        .intoMemorySegment(target, low + to, ORDER);
            }
        }
    }

    @Override
    public void join(
            MemorySegment parts,
            long high,
            long mid,
            long low,
            int count,
            float[] scales,
            int scalesAt,
            Update update,
            float[] c,
            int at) {
        int bound = SPECIES.loopBound(count);
        boolean scaled = scales.length > 0;
        boolean add = update == Update.ADD;
        for (int i = 0; i < bound; i += LANES) {
            long element = (long) i * Float.BYTES;
            FloatVector sum = FloatVector.fromMemorySegment(SPECIES, parts, low + element, ORDER)
                    .add(FloatVector.fromMemorySegment(SPECIES, parts, mid + element, ORDER))
                    .add(FloatVector.fromMemorySegment(SPECIES, parts, high + element, ORDER));
            if (scaled) {
                sum = sum.mul(FloatVector.fromArray(SPECIES, scales, scalesAt + i));
            }
            if (add) {
                sum = FloatVector.fromArray(SPECIES, c, at + i).add(sum);
            }
            sum.intoArray(c, at + i);
        }
        long done = (long) bound * Float.BYTES;
        REST.join(
                parts,
                high + done,
                mid + done,
                low + done,
                count - bound,
                scales,
                scaled ? scalesAt + bound : 0,
                update,
                c,
                at + bound);
    }

    @Override
    public int narrow(float[] panel, int at, int depth, int[] pairs) {
        IntVector dropped = IntVector.zero(INTS);
        VectorMask<Integer> subnormal = INTS.maskAll(false);
        VectorMask<Integer> notFinite = INTS.maskAll(false);
        for (int block = 0; block < depth; block += STEP) {
            for (int j = 0; j < HALF * WIDTH; j += LANES) {
                int from = at + block * WIDTH + j;
                IntVector a = FloatVector.fromArray(SPECIES, panel, from).reinterpretAsInts();
                IntVector b = FloatVector.fromArray(SPECIES, panel, from + HALF * WIDTH)
                        .reinterpretAsInts();
                dropped = dropped.or(a).or(b);
                IntVector aMagnitude = a.and(MAGNITUDE);
                IntVector bMagnitude = b.and(MAGNITUDE);
                notFinite = notFinite
                        .or(aMagnitude.compare(VectorOperators.GE, INFINITY))
                        .or(bMagnitude.compare(VectorOperators.GE, INFINITY));
                // Of zero, minus one is the largest unsigned value.
                subnormal = subnormal
                        .or(aMagnitude.sub(1).compare(VectorOperators.ULT, SMALLEST_NORMAL - 1))
                        .or(bMagnitude.sub(1).compare(VectorOperators.ULT, SMALLEST_NORMAL - 1));
                a.lanewise(VectorOperators.LSHR, Short.SIZE).or(b.and(KEPT)).intoArray(pairs, block / 2 * WIDTH + j);
            }
        }
        int longer = dropped.reduceLanes(VectorOperators.OR) & ~KEPT;
        return (longer == 0 ? 0 : LONGER)
                | (subnormal.anyTrue() ? SUBNORMAL : 0)
                | (notFinite.anyTrue() ? NOT_FINITE : 0);
    }
}
