package io.github.steelyard.corpus;

import io.github.steelyard.chat.ChatTemplate;
import io.github.steelyard.chat.Conversation;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.jinja.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Locale;
import java.util.Queue;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Reads a data file into documents of token ids, one at a time.
///
/// Some lines are read ahead, so that reading and tokenising go on side by side. Kept are ids alone, and of each
/// document no more than can be used.
final class Documents implements AutoCloseable {

    /// Largest plain text file.
    static final int MAX_TEXT_BYTES = 16 << 20;

    /// Bytes of lines whose ids are awaited at most.
    private static final long MOST_PENDING = 4 << 20;

    /// A line whose ids, or what is wrong with it, are there or on their way.
    private record Pending(long line, int bytes, Supplier<int[]> ids) {}

    private final Path file;
    private final int index;
    private final DataKind kind;
    private final DataOptions options;
    private final Tokenizer tokenizer;
    private final int vocabulary;
    private final DataStream stream;
    private final Lines lines;
    private final Queue<Pending> pending = new ArrayDeque<>();
    private long pendingBytes;
    private boolean ended;
    private @Nullable CorpusException broken;
    private long empty;
    private long unread;

    /// Opens a file.
    ///
    /// @param index which file of the set it is
    /// @param vocabulary ids run from 0 to this, exclusive
    /// @throws CorpusException if its name tells no kind of data, or if it cannot be read
    Documents(Path file, int index, DataOptions options, Tokenizer tokenizer, int vocabulary) {
        this.file = file;
        this.index = index;
        this.options = options;
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        kind = DataKind.required(file);
        stream = DataStream.open(file, kind.compression());
        lines = new Lines(file, stream);
    }

    /// Returns the next document that has tokens; null at the end of the file.
    ///
    /// @throws CorpusException if it cannot be used
    @Nullable
    Document next() {
        while (true) {
            readAhead();
            Pending first = pending.poll();
            if (first == null) {
                requireSound();
                return null;
            }
            pendingBytes -= first.bytes();
            int[] ids = first.ids().get();
            requireKnown(ids, first.line());
            if (ids.length > 0) {
                return new Document(kept(ids), ids.length, index, isText(), 0);
            }
            empty++;
        }
    }

    /// Counts what is left without looking into it, to the end of the file.
    ///
    /// @throws CorpusException if the file cannot be read to its end
    void skip() {
        unread += pending.size();
        pending.clear();
        pendingBytes = 0;
        requireSound();
        if (isText()) {
            return;
        }
        for (byte[] line = lines.next(); line != null; line = lines.next()) {
            unread += isBlank(line) ? 0 : 1;
        }
    }

    /// Returns the number of documents without a token.
    long empty() {
        return empty;
    }

    /// Returns the number of lines that were skipped.
    long unread() {
        return unread;
    }

    /// Returns what the file is, once it was read to its end; to be asked once.
    DataFile described(Sequencer used) {
        return new DataFile(file, stream.digest(), used.documents(index), used.tokens(index));
    }

    @Override
    public void close() {
        lines.close();
    }

    private void readAhead() {
        while (!ended && pendingBytes <= MOST_PENDING) {
            try {
                if (isText()) {
                    readText();
                } else {
                    readLine();
                }
            } catch (CorpusException e) {
                broken = e; // what earlier lines have to say comes first
                ended = true;
            }
        }
    }

    private void readLine() {
        byte[] line = lines.next();
        ended = line == null;
        if (line != null && !isBlank(line)) {
            begin(lines.number(), line.length, ids(line));
        }
    }

    private Supplier<int[]> ids(byte[] line) {
        try {
            return ids(JsonDocument.parse(file, lines.number(), lines.text(line)), lines.number());
        } catch (CorpusException e) {
            return () -> {
                throw e; // unless enough was there before this line
            };
        }
    }

    private Supplier<int[]> ids(JsonDocument document, long line) {
        if (document.ids().isPresent()) {
            return document.ids()::orElseThrow;
        }
        String what = String.format(Locale.ROOT, "the text of %s:%d", file, line);
        if (document.chat().isPresent()) {
            return tokenizer.begin(rendered(document.chat().get(), line), false, what); // templates add special tokens
        }
        return tokenizer.begin(document.text().orElseThrow(), options.addSpecialTokens(), what);
    }

    private String rendered(Conversation chat, long line) {
        ChatTemplate template = tokenizer
                .chatTemplate()
                .orElseThrow(() -> new CorpusException(
                        file,
                        line,
                        "a chat ('messages', 'conversations', 'prompt') needs a chat template, and the checkpoint has"
                                + " none; give one to it as chat_template.jinja, or render each row to 'text' or"
                                + " 'input_ids'"));
        try {
            return JsonDocument.whole(template.render(chat.variables()), file, line);
        } catch (TemplateException e) {
            String who = e.isRefusal() ? "the chat template refuses the chat: " : "the chat template fails: ";
            throw new CorpusException(file, line, who + Lines.brief(e));
        }
    }

    private void readText() {
        ended = true;
        try {
            byte[] bytes = stream.readNBytes(MAX_TEXT_BYTES + 1);
            if (bytes.length > MAX_TEXT_BYTES) {
                throw new CorpusException(
                        file,
                        String.format(Locale.ROOT, "plain text of more than %d bytes; use JSONL", MAX_TEXT_BYTES));
            }
            String text = Lines.decode(file, 1, bytes);
            begin(1, bytes.length, tokenizer.begin(text, options.addSpecialTokens(), "the text of " + file));
        } catch (IOException e) {
            throw new CorpusException(file, "cannot be read: " + FileProblem.reason(file, e));
        }
    }

    private void begin(long line, int bytes, Supplier<int[]> ids) {
        pending.add(new Pending(line, bytes, ids));
        pendingBytes += bytes;
    }

    private void requireSound() {
        if (broken != null) {
            throw broken;
        }
    }

    private void requireKnown(int[] ids, long line) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw new CorpusException(
                        file,
                        line,
                        String.format(
                                Locale.ROOT,
                                "token %d has id %d, outside the model's vocabulary of %d",
                                i,
                                ids[i],
                                vocabulary));
            }
        }
    }

    private int[] kept(int[] ids) {
        boolean cut = !isText() && options.packing() == DataOptions.Packing.NONE;
        return cut && ids.length > options.sequenceLength() ? Arrays.copyOf(ids, options.sequenceLength()) : ids;
    }

    private boolean isText() {
        return kind.form() == DataKind.Form.TEXT;
    }

    private static boolean isBlank(byte[] line) {
        for (byte b : line) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }
}
