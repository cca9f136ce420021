package io.github.steelyard.corpus;

import io.github.steelyard.chat.ChatTemplate;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Turns text into token ids with Hugging Face's tokenizers library and a checkpoint's `tokenizer.json`, in a process
/// of its own.
///
/// The process starts when the first text arrives, so that data given as ids needs no tokenizer. Nothing is truncated
/// or padded, whatever the file says. Safe for use by several threads.
public final class Tokenizer implements AutoCloseable {

    /// Largest `tokenizer.json` that is read. The largest published ones have about 40 MiB.
    static final int MAX_BYTES = 128 << 20;

    private static final String POINTER = "version https://git-lfs"; // how Git LFS leaves a file that was not fetched

    private final Path file;
    private @Nullable TokenizerProcess process;
    private boolean closed;
    private Optional<ChatTemplate> chatTemplate = Optional.empty();
    private boolean chatTemplateRead;

    private Tokenizer(Path file) {
        this.file = file;
    }

    /// Returns the tokenizer of a `tokenizer.json`, not read yet.
    public static Tokenizer at(Path file) {
        return new Tokenizer(file);
    }

    /// Returns the token ids of `text`.
    ///
    /// @param addSpecialTokens whether the file's template adds its tokens, for example a begin-of-text token
    /// @throws CorpusException if `tokenizer.json` is missing or cannot be used
    /// @throws io.github.steelyard.natives.NativeException if tokenising is not possible here
    public int[] encode(String text, boolean addSpecialTokens) {
        return begin(text, addSpecialTokens, "text").get();
    }

    /// Begins to tokenise `text`; the result waits for the ids. Much text is on its way at once if it is begun before
    /// the results of earlier ones are asked for.
    ///
    /// @param what names the text in messages
    Supplier<int[]> begin(String text, boolean addSpecialTokens, String what) {
        return process().encode(text, addSpecialTokens, what);
    }

    /// Returns how the checkpoint of the file turns chats into text; empty if it does not say.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if its template cannot be read or cannot be run here
    synchronized Optional<ChatTemplate> chatTemplate() {
        if (!chatTemplateRead) {
            chatTemplate = ChatTemplate.of(file.resolveSibling(""));
            chatTemplateRead = true;
        }
        return chatTemplate;
    }

    /// Ends the process, if one was started.
    @Override
    public synchronized void close() {
        closed = true;
        if (process != null) {
            process.close();
        }
    }

    private synchronized TokenizerProcess process() {
        if (closed) {
            throw new IllegalStateException("tokenizer of %s is closed".formatted(file));
        }
        TokenizerProcess started = process;
        if (started == null) {
            started = start();
            process = started;
        }
        return started;
    }

    private TokenizerProcess start() {
        int length = length();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            in.mark(POINTER.length());
            if (new String(in.readNBytes(POINTER.length()), StandardCharsets.ISO_8859_1).equals(POINTER)) {
                throw new CorpusException(
                        file, "is a Git LFS pointer, not the file itself: run 'git lfs pull' in its repository");
            }
            in.reset();
            return TokenizerProcess.start(file, in, length);
        } catch (IOException e) {
            throw problem(e);
        }
    }

    private int length() {
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(file, BasicFileAttributes.class);
        } catch (IOException e) {
            throw problem(e);
        }
        if (!attributes.isRegularFile()) {
            throw new CorpusException(file, "not a regular file");
        }
        if (attributes.size() > MAX_BYTES) {
            throw new CorpusException(
                    file, String.format(Locale.ROOT, "larger than the %d bytes a tokenizer may have", MAX_BYTES));
        }
        return (int) attributes.size();
    }

    private CorpusException problem(IOException e) {
        return new CorpusException(
                file,
                switch (e) {
                    case NoSuchFileException missing -> "no such file; text needs it, data with input_ids does not";
                    case AccessDeniedException denied -> "permission denied";
                    default -> "cannot be read: " + Lines.brief(e);
                });
    }
}
