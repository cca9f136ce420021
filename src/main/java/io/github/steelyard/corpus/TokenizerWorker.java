package io.github.steelyard.corpus;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/// The program of the child process behind [TokenizerProcess]: tokenises what comes on standard input with a library
/// that hostile input can kill. See there for the protocol.
final class TokenizerWorker {

    /// The answer that is no token ids: a message follows.
    static final int FAILED = -1;

    /// Most token ids for a text of so many bytes. Byte by byte is 1; the longest expansion of Unicode's compatibility
    /// forms is 11 bytes for one.
    static long mostTokens(long bytes) {
        return 1024 + 16 * bytes;
    }

    private static final int BUFFER = 1 << 16; // bytes

    private record Request(boolean specialTokens, ByteBuffer text) {}

    private final TokenizersLibrary library = TokenizersLibrary.LIB;
    private final DataInputStream in =
            new DataInputStream(new BufferedInputStream(new FileInputStream(FileDescriptor.in), BUFFER));
    private final DataOutputStream out =
            new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), BUFFER));
    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();

    private TokenizerWorker() {}

    /// Answers until standard input ends.
    ///
    /// @param arguments the path of the native library
    public static void main(String[] arguments) throws IOException, InterruptedException {
        System.load(arguments[0]);
        new TokenizerWorker().run();
    }

    private void run() throws IOException, InterruptedException {
        answer(new int[0]);
        byte[] json = in.readNBytes(in.readInt());
        // Reads on while the library works, so that the end of the parent is the end of this process, whatever the
        // library is doing.
        Thread reader = new Thread(this::read, "requests");
        reader.setDaemon(true);
        reader.start();
        long tokenizer;
        try {
            tokenizer = library.createTokenizerFromString(new String(json, StandardCharsets.UTF_8));
            library.disableTruncation(tokenizer);
            library.disablePadding(tokenizer);
        } catch (RuntimeException | VirtualMachineError e) {
            fail(e);
            return;
        }
        answer(new int[0]);
        while (true) {
            Request request = requests.take();
            try {
                answer(encode(tokenizer, request));
            } catch (RuntimeException | VirtualMachineError e) {
                fail(e);
            }
        }
    }

    private int[] encode(long tokenizer, Request request) {
        int bytes = request.text().remaining();
        String text = StandardCharsets.UTF_8.decode(request.text()).toString();
        long encoding = library.encode(tokenizer, text, request.specialTokens());
        try {
            long[] ids = library.getTokenIds(encoding);
            if (ids.length > mostTokens(bytes)) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "%d tokens come of %d bytes", ids.length, bytes));
            }
            int[] result = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] < 0 || ids[i] > Integer.MAX_VALUE) {
                    throw new IllegalArgumentException(
                            String.format(Locale.ROOT, "token %d has id %d, beyond %d", i, ids[i], Integer.MAX_VALUE));
                }
                result[i] = (int) ids[i];
            }
            return result;
        } finally {
            library.deleteEncoding(encoding);
        }
    }

    // At once, not with the next: what is done must not be lost when the next text is the end of this process.
    private void answer(int[] ids) throws IOException {
        out.writeInt(ids.length);
        for (int id : ids) {
            out.writeInt(id);
        }
        out.flush();
    }

    private void fail(Throwable e) throws IOException {
        byte[] message = Lines.brief(e).getBytes(StandardCharsets.UTF_8);
        out.writeInt(FAILED);
        out.writeInt(message.length);
        out.write(message);
        out.flush();
    }

    private void read() {
        try {
            while (true) {
                int length = in.readInt();
                boolean specialTokens = in.readBoolean();
                byte[] text = in.readNBytes(length);
                if (text.length < length) {
                    throw new EOFException();
                }
                requests.add(new Request(specialTokens, ByteBuffer.wrap(text)));
            }
        } catch (IOException e) {
            Runtime.getRuntime().halt(0); // the parent wants no more
        }
    }
}
