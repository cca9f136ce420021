package io.github.steelyard.evaluation;

/// A sum of numbers that are not negative, whose bits do not depend on the order in which they are added: each number
/// is
/// split into digits of 32 bits, and only integers are added. Not safe for several threads.
final class ExactSum {

    private static final int DIGIT = 32;
    private static final int LOWEST = -1074; // exponent of the least double
    private static final int FRACTION = 52;

    private final long[] digits = new long[(Double.MAX_EXPONENT - LOWEST) / DIGIT + 3];
    private boolean number = true;

    /// Adds a number; at most 2^31 of them.
    void add(double value) {
        if (!Double.isFinite(value)) {
            number = false;
            return;
        }
        int exponent = Math.max(Math.getExponent(value), Double.MIN_EXPONENT) - FRACTION;
        long fraction = (long) Math.scalb(value, -exponent); // below 2^53
        int place = (exponent - LOWEST) / DIGIT;
        int shift = (exponent - LOWEST) % DIGIT;
        long mask = (1L << DIGIT) - 1;
        long low = (fraction & mask) << shift;
        long high = (fraction >>> DIGIT) << shift;
        digits[place] += low & mask;
        digits[place + 1] += (low >>> DIGIT) + (high & mask);
        digits[place + 2] += high >>> DIGIT;
    }

    /// Returns the sum; NaN if a number was none.
    double value() {
        double sum = 0;
        for (int place = digits.length - 1; place >= 0; place--) {
            sum += Math.scalb((double) digits[place], LOWEST + place * DIGIT);
        }
        return number ? sum : Double.NaN;
    }
}
