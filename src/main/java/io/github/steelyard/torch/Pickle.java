package io.github.steelyard.torch;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The opcodes of one value, in protocol 2 of pickle: those that `weights_only` loading knows, and of these the few
/// that plain data, tensors and dtypes need. Nothing is memoised; a value that occurs twice is written twice.
///
/// A tensor is a call of `torch._utils._rebuild_tensor_v2` on a storage, which lies beside the pickle under a number.
///
/// Source: TORCH (see `docs/SOURCES.md`).
final class Pickle {

    private static final byte[] PROTOCOL_2 = {(byte) 0x80, 2};
    private static final int MOST_BININT1 = 255;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final List<Float> storages = new ArrayList<>();

    private Pickle() {}

    /// Pickles a value.
    static Pickle of(TorchValue value) {
        Pickle pickle = new Pickle();
        pickle.bytes.writeBytes(PROTOCOL_2);
        pickle.put(value);
        pickle.opcode('.');
        return pickle;
    }

    /// Returns the pickle.
    byte[] opcodes() {
        return bytes.toByteArray();
    }

    /// Returns the one value of each storage that the pickle names, in the order of their numbers.
    List<Float> storages() {
        return List.copyOf(storages);
    }

    private void put(TorchValue value) {
        switch (value) {
            case TorchValue.Nothing nothing -> opcode('N');
            case TorchValue.Flag flag -> flag(flag.value());
            case TorchValue.Whole whole -> whole(whole.value());
            case TorchValue.Real real -> {
                opcode('G');
                bytes.writeBytes(ByteBuffer.allocate(Double.BYTES)
                        .putDouble(real.value())
                        .array());
            }
            case TorchValue.Text text -> text(text.value());
            case TorchValue.Tuple tuple -> tuple(tuple.items());
            case TorchValue.Sequence list -> {
                opcode(']');
                if (!list.items().isEmpty()) {
                    opcode('(');
                    list.items().forEach(this::put);
                    opcode('e');
                }
            }
            case TorchValue.Dictionary dictionary -> {
                opcode('}');
                if (!dictionary.entries().isEmpty()) {
                    opcode('(');
                    dictionary.entries().forEach((key, entry) -> {
                        put(key);
                        put(entry);
                    });
                    opcode('u');
                }
            }
            case TorchValue.Scalar scalar -> scalar(scalar.value());
            case TorchValue.Float32 type -> global("torch", "float32");
        }
    }

    private void scalar(float value) {
        global("torch._utils", "_rebuild_tensor_v2");
        opcode('(');
        opcode('(');
        text("storage");
        global("torch", "FloatStorage");
        text(Integer.toString(storages.size()));
        text("cpu");
        whole(1);
        opcode('t');
        opcode('Q'); // the tuple names a storage
        whole(0);
        opcode(')'); // shape
        opcode(')'); // strides
        flag(false); // requires no gradient
        global("collections", "OrderedDict");
        opcode(')');
        opcode('R'); // no hooks
        opcode('t');
        opcode('R');
        storages.add(value);
    }

    private void tuple(List<TorchValue> items) {
        switch (items.size()) {
            case 0 -> opcode(')');
            case 1, 2, 3 -> {
                items.forEach(this::put);
                bytes.write(0x84 + items.size());
            }
            default -> {
                opcode('(');
                items.forEach(this::put);
                opcode('t');
            }
        }
    }

    private void flag(boolean value) {
        bytes.write(value ? 0x88 : 0x89);
    }

    private void whole(int value) {
        if (value >= 0 && value <= MOST_BININT1) {
            opcode('K');
            bytes.write(value);
        } else {
            opcode('J');
            littleEndian(value);
        }
    }

    private void text(String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        opcode('X');
        littleEndian(utf8.length);
        bytes.writeBytes(utf8);
    }

    private void global(String module, String name) {
        bytes.writeBytes("c%s\n%s\n".formatted(module, name).getBytes(StandardCharsets.US_ASCII));
    }

    private void littleEndian(int value) {
        bytes.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    private void opcode(char code) {
        bytes.write(code);
    }
}
