package io.github.steelyard.cli;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Random;

/// Changes bytes without a thought of what they mean.
final class ByteMutation {

    private static final byte[] INTERESTING = {
        0,
        1,
        0x7f,
        (byte) 0x80,
        (byte) 0xff,
        '"',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '\\',
        '\n',
        ' ',
        '0',
        '9',
        '-',
        'e',
        0x1b
    };

    private ByteMutation() {}

    /// Returns `bytes`, changed in one to four places.
    static byte[] mutated(byte[] bytes, Random random) {
        byte[] changed = bytes;
        for (int changes = 1 + random.nextInt(4); changes > 0 && changed.length > 0; changes--) {
            changed = once(changed, random);
        }
        return changed;
    }

    private static byte[] once(byte[] bytes, Random random) {
        int at = random.nextInt(bytes.length);
        int length = 1 + random.nextInt(Math.min(64, bytes.length - at));
        return switch (random.nextInt(8)) {
            case 0, 1 -> poked(bytes, at, (byte) (bytes[at] ^ (1 << random.nextInt(8))));
            case 2, 3 -> poked(bytes, at, INTERESTING[random.nextInt(INTERESTING.length)]);
            case 4 -> Arrays.copyOf(bytes, at);
            case 5 -> spliced(bytes, at, new byte[0], at + length);
            case 6 -> spliced(bytes, at, Arrays.copyOfRange(bytes, at, at + length), at);
            default -> {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                yield spliced(bytes, at, noise, random.nextBoolean() ? at : at + length);
            }
        };
    }

    private static byte[] poked(byte[] bytes, int at, byte value) {
        byte[] changed = bytes.clone();
        changed[at] = value;
        return changed;
    }

    private static byte[] spliced(byte[] bytes, int end, byte[] middle, int from) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length + middle.length);
        out.write(bytes, 0, end);
        out.writeBytes(middle);
        out.write(bytes, from, bytes.length - from);
        return out.toByteArray();
    }
}
