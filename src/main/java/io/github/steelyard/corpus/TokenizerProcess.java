package io.github.steelyard.corpus;

import io.github.steelyard.natives.NativeException;
import io.github.steelyard.natives.NativeLibrary;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A child process that tokenises. Hugging Face's library aborts, overflows its stack or grows without end on some
/// `tokenizer.json` files and some texts, and takes its process along.
///
/// The child gets the tokenizer and then texts on its standard input, and answers in their order on its standard
/// output; many may be on their way. Integers are big-endian.
///
/// ```text
/// to the child    int length, tokenizer.json
///                 int length, byte 1 if special tokens are wanted, text in UTF-8       for each text
/// from the child  int count, as many int token ids; or int -1, int length, message in UTF-8
///                 the first when it is ready, the second for the tokenizer (both of count 0), then one for each text
/// ```
///
/// Bounds: memory, processor time since the last answer ([TokenizerWatch]) and the number of tokens, each by the length
/// of the text, and memory also by the system's limit for data. The child ends when its standard input does, so
/// with its parent.
final class TokenizerProcess implements AutoCloseable {

    /// What is asked of the child.
    ///
    /// @param mostTokens that it may answer with
    /// @param allowedSeconds processor time that it may take
    /// @param allowedMemory that it may hold meanwhile, in bytes
    record Request(long mostTokens, double allowedSeconds, long allowedMemory, CompletableFuture<int[]> answer) {}

    /// Most that a child may ever hold besides mapped files, in KiB; also where nobody watches what it holds.
    private static final long MEMORY = 8L << 20;

    private static final long LEAST_MEMORY = 768 << 20;
    private static final long MEMORY_OF_TEXT_BYTE = 400;
    private static final long MEMORY_OF_FILE_BYTE = 40;

    private static final double TEXT_BYTES_PER_SECOND = 1 << 17;
    private static final double FILE_BYTES_PER_SECOND = 1 << 20;
    private static final double LEAST_SECONDS = 4;

    private static final int BUFFER = 1 << 16; // bytes
    private static final int LAST_WORDS = 1 << 10; // bytes
    private static final int SIGNALLED = 128;

    // An interrupted command is the parent's to answer, and nobody wants a core file. A limit that cannot be set leaves
    // a lower one in place.
    private static final String LIMITED =
            "trap '' HUP INT QUIT TERM; ulimit -c 0; ulimit -d " + MEMORY + "; exec \"$@\"";

    private static final List<String> FLAGS = List.of(
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:ReservedCodeCacheSize=16m",
            "-XX:-UsePerfData",
            "-XX:+DisplayVMOutputToStderr",
            "-XX:+SuppressFatalErrorMessage",
            "-XX:-CreateCoredumpOnCrash",
            "-Xlog:disable",
            "--enable-native-access=ALL-UNNAMED");

    private final Path file;
    private final Process process;
    private final DataOutputStream out;
    private final TokenizerWatch watch;
    private final Request ready; // what the child says first
    private final Queue<Request> unanswered = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<String> lastWords = new CompletableFuture<>();
    private volatile @Nullable IOException end;
    private volatile long heldByFile; // bytes of memory

    private TokenizerProcess(Path file, Process process) {
        this.file = file;
        this.process = process;
        out = new DataOutputStream(new BufferedOutputStream(process.getOutputStream(), BUFFER));
        watch = new TokenizerWatch(process, unanswered::peek);
        // Before anybody reads: on a busy machine the child may be ready before this thread goes on.
        ready = new Request(0, LEAST_SECONDS, LEAST_MEMORY, new CompletableFuture<>());
        unanswered.add(ready);
        begin("answers", this::readAnswers);
        begin("last words", this::readLastWords);
        begin("watch", watch);
    }

    /// Starts a child and gives it the tokenizer.
    ///
    /// @param file named in messages
    /// @param json its content
    /// @param length of the content in bytes
    /// @throws CorpusException if it is not a tokenizer
    /// @throws NativeException if no child can be started
    static TokenizerProcess start(Path file, InputStream json, int length) throws IOException {
        try (NativeLibrary library = TokenizerFiles.unpack()) {
            TokenizerProcess tokenizer = new TokenizerProcess(file, launch(library));
            boolean started = false;
            try {
                tokenizer.awaitReady();
                tokenizer.load(json, length);
                started = true;
                return tokenizer;
            } finally {
                if (!started) {
                    tokenizer.close();
                }
            }
        }
    }

    static Process launch(NativeLibrary library) {
        List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", LIMITED, "sh"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(FLAGS);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), TokenizerWorker.class.getName()));
        command.add(library.file(TokenizerFiles.file().name()).toString());
        ProcessBuilder builder = new ProcessBuilder(command);
        // Options for the program's own JVM would undo the bounds.
        builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"));
        try {
            return builder.start();
        } catch (IOException e) {
            throw new NativeException("no process can be started to tokenise in: " + Lines.brief(e), e);
        }
    }

    private void awaitReady() {
        try {
            ready.answer().join();
        } catch (CompletionException e) {
            throw new NativeException("no process can be started to tokenise in: " + Lines.brief(cause(e)), e);
        }
    }

    private void load(InputStream json, int length) throws IOException {
        heldByFile = MEMORY_OF_FILE_BYTE * length;
        CompletableFuture<int[]> loaded = expect(0, length / FILE_BYTES_PER_SECOND, 0);
        byte[] chunk = new byte[BUFFER];
        write(child -> child.writeInt(length));
        for (int left = length; left > 0; ) {
            int count = json.read(chunk, 0, Math.min(left, chunk.length));
            if (count < 0) {
                throw new CorpusException(file, "became shorter while it was read");
            }
            write(child -> child.write(chunk, 0, count));
            left -= count;
        }
        await(loaded, "not a tokenizer");
    }

    /// Sends a text; the result waits for its token ids.
    ///
    /// @param what names the text in messages
    Supplier<int[]> encode(String text, boolean specialTokens, String what) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        CompletableFuture<int[]> answer;
        // In one piece, in the order of the answers that are expected.
        synchronized (out) {
            answer = expect(
                    TokenizerWorker.mostTokens(bytes.length),
                    bytes.length / TEXT_BYTES_PER_SECOND,
                    bytes.length * MEMORY_OF_TEXT_BYTE);
            write(child -> {
                child.writeInt(bytes.length);
                child.writeBoolean(specialTokens);
                child.write(bytes);
            });
        }
        return () -> await(answer, what + " cannot be tokenised");
    }

    /// Ends the child.
    @Override
    public void close() {
        process.destroyForcibly();
    }

    private CompletableFuture<int[]> expect(long mostTokens, double seconds, long memory) {
        Request request = new Request(
                mostTokens, LEAST_SECONDS + seconds, LEAST_MEMORY + memory + heldByFile, new CompletableFuture<>());
        unanswered.add(request);
        if (end != null) {
            failAll(end);
        }
        return request.answer();
    }

    private int[] await(CompletableFuture<int[]> answer, String failed) {
        if (!answer.isDone()) {
            write(DataOutputStream::flush);
        }
        try {
            return answer.join();
        } catch (CompletionException e) {
            throw new CorpusException(file, "%s: %s".formatted(failed, Lines.brief(cause(e))));
        }
    }

    private static Throwable cause(CompletionException e) {
        return e.getCause() == null ? e : e.getCause();
    }

    private interface Message {
        void writeTo(DataOutputStream child) throws IOException;
    }

    // A child that does not read is at its end, and that answers all that is expected of it.
    private void write(Message message) {
        synchronized (out) {
            try {
                message.writeTo(out);
            } catch (IOException e) {
                process.destroyForcibly();
            }
        }
    }

    private void readAnswers() {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(process.getInputStream(), BUFFER))) {
            while (true) {
                int count = in.readInt();
                Request request = unanswered.element();
                if (count == TokenizerWorker.FAILED) {
                    String message = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
                    unanswered.remove();
                    request.answer().completeExceptionally(new IOException(message));
                } else if (count < 0 || count > request.mostTokens()) {
                    throw new IOException(String.format(Locale.ROOT, "%d tokens in an answer", count));
                } else {
                    int[] ids = ids(in, count);
                    unanswered.remove();
                    request.answer().complete(ids);
                }
            }
        } catch (IOException | NoSuchElementException e) {
            process.destroyForcibly();
            end = new IOException(death());
            failAll(end);
        }
    }

    private static int[] ids(DataInputStream in, int count) throws IOException {
        int[] ids = new int[count];
        byte[] chunk = new byte[BUFFER];
        for (int at = 0; at < count; ) {
            int part = Math.min(count - at, BUFFER / Integer.BYTES);
            in.readFully(chunk, 0, part * Integer.BYTES);
            ByteBuffer.wrap(chunk).asIntBuffer().get(ids, at, part);
            at += part;
        }
        return ids;
    }

    private String death() {
        try {
            int code = process.waitFor();
            if (!watch.verdict().isEmpty()) {
                return watch.verdict();
            }
            String words = lastWords.join();
            String how = code > SIGNALLED ? "signal " + (code - SIGNALLED) : "exit code " + code;
            return "the tokenizer library died of it (%s)%s".formatted(how, words.isEmpty() ? "" : ": " + words);
        } catch (InterruptedException e) {
            return "interrupted";
        }
    }

    private void failAll(IOException end) {
        for (Request request = unanswered.poll(); request != null; request = unanswered.poll()) {
            request.answer().completeExceptionally(end);
        }
    }

    private void readLastWords() {
        try (InputStream in = process.getErrorStream()) {
            String words = new String(in.readNBytes(LAST_WORDS), StandardCharsets.UTF_8);
            // Of a panic, the line after the one that names thread and source.
            lastWords.complete(words.lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("thread '"))
                    .findFirst()
                    .orElse(""));
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            lastWords.complete("");
        }
    }

    private static void begin(String name, Runnable work) {
        Thread.ofPlatform().daemon().name("tokenizer " + name).start(work);
    }
}
