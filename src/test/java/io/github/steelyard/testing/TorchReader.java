package io.github.steelyard.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/// Reads files of `torch.save` as far as `torch.load` would with `weights_only=True`: plain data, tensors of one value,
/// dtypes. Independent of what writes them; for tests alone.
///
/// Dictionaries are maps, tuples and lists are lists, `None` is [#NONE], a tensor of shape `()` is its value as a
/// [Scalar], a dtype its name.
public final class TorchReader {

    /// `None`.
    public static final Object NONE = "None";

    private final Map<String, byte[]> storages;
    private final ByteBuffer code;
    private final Deque<Object> stack = new ArrayDeque<>();
    private final Map<Integer, Object> memo = new HashMap<>();

    private TorchReader(Map<String, byte[]> storages, byte[] pickle) {
        this.storages = storages;
        this.code = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /// A tensor of shape `()`.
    public record Scalar(String storage, float value) {}

    private record Mark() {}

    private record Global(String name) {}

    private record Storage(String type, String key) {}

    /// Reads a file.
    public static Object read(Path file) {
        Map<String, byte[]> entries = entries(file);
        Map<String, byte[]> storages = new HashMap<>();
        byte[] pickle = {};
        for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
            String name = entry.getKey().substring(entry.getKey().indexOf('/') + 1);
            if (name.equals("data.pkl")) {
                pickle = entry.getValue();
            } else if (name.startsWith("data/")) {
                storages.put(name.substring("data/".length()), entry.getValue());
            }
        }
        return new TorchReader(storages, pickle).value();
    }

    /// Returns the content of the entries of a zip by their names, checksums verified.
    public static Map<String, byte[]> entries(Path file) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(file.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
            }
            return entries;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Object value() {
        while (true) {
            int opcode = Byte.toUnsignedInt(code.get());
            switch (opcode) {
                case 0x80 -> code.get();
                case 'N' -> stack.push(NONE);
                case 0x88 -> stack.push(true);
                case 0x89 -> stack.push(false);
                case 'K' -> stack.push(Byte.toUnsignedInt(code.get()));
                case 'M' -> stack.push(Short.toUnsignedInt(code.getShort()));
                case 'J' -> stack.push(code.getInt());
                case 'G' -> stack.push(Double.longBitsToDouble(Long.reverseBytes(code.getLong())));
                case 'X' -> stack.push(text(code.getInt()));
                case 'c' -> stack.push(new Global(line() + "." + line()));
                case ')' -> stack.push(new ArrayList<>());
                case ']' -> stack.push(new ArrayList<>());
                case '}' -> stack.push(new LinkedHashMap<>());
                case '(' -> stack.push(new Mark());
                case 't' -> stack.push(marked());
                case 0x85 -> stack.push(last(1));
                case 0x86 -> stack.push(last(2));
                case 0x87 -> stack.push(last(3));
                case 'e' -> {
                    List<Object> items = marked();
                    list().addAll(items);
                }
                case 'a' -> append();
                case 's' -> {
                    List<Object> entry = last(2);
                    map().put(entry.get(0), entry.get(1));
                }
                case 'u' -> {
                    List<Object> entries = marked();
                    for (int i = 0; i < entries.size(); i += 2) {
                        map().put(entries.get(i), entries.get(i + 1));
                    }
                }
                case 'q' -> memo.put(Byte.toUnsignedInt(code.get()), stack.element());
                case 'r' -> memo.put(code.getInt(), stack.element());
                case 'h' -> stack.push(memo.get(Byte.toUnsignedInt(code.get())));
                case 'j' -> stack.push(memo.get(code.getInt()));
                case 'Q' -> storage();
                case 'R' -> call();
                case '.' -> {
                    return stack.pop();
                }
                default -> throw new IllegalStateException("opcode %#x at %d".formatted(opcode, code.position() - 1));
            }
        }
    }

    private void append() {
        Object item = plain(stack.pop());
        list().add(item);
    }

    private void storage() {
        List<?> id = (List<?>) stack.pop();
        if (!id.get(0).equals("storage")
                || !id.get(3).equals("cpu")
                || !id.get(4).equals(1)) {
            throw new IllegalStateException("persistent id " + id);
        }
        stack.push(new Storage(((Global) id.get(1)).name(), (String) id.get(2)));
    }

    private void call() {
        List<?> arguments = (List<?>) stack.pop();
        Global called = (Global) stack.pop();
        switch (called.name()) {
            case "collections.OrderedDict" -> stack.push(new LinkedHashMap<>());
            case "torch._utils._rebuild_tensor_v2" -> {
                Storage storage = (Storage) arguments.get(0);
                if (!arguments.subList(1, 5).equals(List.of(0, List.of(), List.of(), false))) {
                    throw new IllegalStateException("tensor " + arguments);
                }
                ByteBuffer bytes = ByteBuffer.wrap(storages.get(storage.key())).order(ByteOrder.LITTLE_ENDIAN);
                stack.push(
                        switch (storage.type()) {
                            case "torch.FloatStorage" -> new Scalar(storage.type(), bytes.getFloat());
                            case "torch.BFloat16Storage" ->
                                new Scalar(storage.type(), Float.intBitsToFloat(bytes.getShort() << 16));
                            default -> throw new IllegalStateException(storage.type());
                        });
            }
            default -> throw new IllegalStateException("call of " + called);
        }
    }

    private List<Object> marked() {
        List<Object> items = new ArrayList<>();
        while (!(stack.element() instanceof Mark)) {
            items.addFirst(plain(stack.pop()));
        }
        stack.pop();
        return items;
    }

    private List<Object> last(int count) {
        List<Object> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            items.addFirst(plain(stack.pop()));
        }
        return items;
    }

    /// A global that is not called is a dtype, or the type of a storage, which is told by its id.
    private static Object plain(Object item) {
        return item instanceof Global global && !global.name().endsWith("Storage") ? global.name() : item;
    }

    @SuppressWarnings("unchecked")
    private List<Object> list() {
        return (List<Object>) stack.element();
    }

    @SuppressWarnings("unchecked")
    private Map<Object, Object> map() {
        return (Map<Object, Object>) stack.element();
    }

    private String text(int length) {
        byte[] bytes = new byte[length];
        code.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private String line() {
        StringBuilder line = new StringBuilder();
        for (char c = (char) code.get(); c != '\n'; c = (char) code.get()) {
            line.append(c);
        }
        return line.toString();
    }
}
