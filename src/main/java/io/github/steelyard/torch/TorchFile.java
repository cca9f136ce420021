package io.github.steelyard.torch;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32;

/// A file as `torch.save` writes it: a zip whose entries are not compressed and begin at multiples of 64 bytes, so that
/// they can be mapped. Equal values give equal bytes.
///
/// | entry | content |
/// |---|---|
/// | `ROOT/data.pkl` | the pickle of the value |
/// | `ROOT/.format_version`, `ROOT/.storage_alignment`, `ROOT/byteorder`, `ROOT/version` | `1`, `64`, `little`, `3` |
/// | `ROOT/data/N` | storage N: one float32, little-endian |
///
/// Source: TORCH (see `docs/SOURCES.md`).
public final class TorchFile {

    private static final int ALIGNMENT = 64;
    private static final int LOCAL_HEADER = 30;
    private static final int EXTRA_HEADER = 4;
    private static final int CENTRAL_HEADER = 46;
    private static final int END_RECORD = 22;
    private static final int UTF_8_NAMES = 0x0800;
    private static final int VERSION = 20;
    private static final int FIRST_DAY = 0x0021; // 1980-01-01, the earliest that a zip can say

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final List<Entry> entries = new ArrayList<>();

    private TorchFile() {}

    private record Entry(String name, int checksum, int size, int offset) {}

    /// Returns the bytes of the file.
    ///
    /// @param root name of the folder in the zip; by custom that of the file without its ending
    public static byte[] bytes(String root, TorchValue value) {
        Pickle pickle = Pickle.of(value);
        TorchFile file = new TorchFile();
        file.add(root + "/data.pkl", pickle.opcodes());
        file.add(root + "/.format_version", utf8("1"));
        file.add(root + "/.storage_alignment", utf8(Integer.toString(ALIGNMENT)));
        file.add(root + "/byteorder", utf8("little"));
        List<Float> storages = pickle.storages();
        for (int i = 0; i < storages.size(); i++) {
            float stored = storages.get(i);
            file.add(root + "/data/" + i, record(Float.BYTES, storage -> storage.putFloat(stored)));
        }
        file.add(root + "/version", utf8("3\n"));
        file.finish();
        return file.bytes.toByteArray();
    }

    private void add(String name, byte[] content) {
        CRC32 checksum = new CRC32();
        checksum.update(content);
        Entry entry = new Entry(name, (int) checksum.getValue(), content.length, bytes.size());
        byte[] encoded = utf8(name);
        int padding = Math.floorMod(-(bytes.size() + LOCAL_HEADER + encoded.length + EXTRA_HEADER), ALIGNMENT);
        bytes.writeBytes(record(LOCAL_HEADER, header -> {
            header.putInt(0x04034b50).putShort((short) VERSION);
            describe(header, entry).putShort((short) (EXTRA_HEADER + padding));
        }));
        bytes.writeBytes(encoded);
        bytes.writeBytes(utf8("FB"));
        bytes.writeBytes(record(Short.BYTES, length -> length.putShort((short) padding)));
        bytes.writeBytes(utf8("Z".repeat(padding)));
        bytes.writeBytes(content);
        entries.add(entry);
    }

    /// Puts what local and central headers have in common, from the flags to the length of the name.
    private static ByteBuffer describe(ByteBuffer header, Entry entry) {
        return header.putShort((short) UTF_8_NAMES)
                .putShort((short) 0) // stored
                .putShort((short) 0)
                .putShort((short) FIRST_DAY)
                .putInt(entry.checksum())
                .putInt(entry.size())
                .putInt(entry.size())
                .putShort((short) utf8(entry.name()).length);
    }

    private void finish() {
        int directory = bytes.size();
        for (Entry entry : entries) {
            bytes.writeBytes(record(CENTRAL_HEADER, header -> {
                header.putInt(0x02014b50).putShort((short) VERSION).putShort((short) VERSION);
                describe(header, entry).position(CENTRAL_HEADER - Integer.BYTES).putInt(entry.offset());
            }));
            bytes.writeBytes(utf8(entry.name()));
        }
        int size = bytes.size() - directory;
        bytes.writeBytes(record(
                END_RECORD,
                end -> end.putInt(0x06054b50)
                        .putInt(0)
                        .putShort((short) entries.size())
                        .putShort((short) entries.size())
                        .putInt(size)
                        .putInt(directory)
                        .putShort((short) 0)));
    }

    /// Returns bytes that `content` puts, little-endian; zero where it puts none.
    private static byte[] record(int size, Consumer<ByteBuffer> content) {
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        content.accept(buffer);
        return buffer.array();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
