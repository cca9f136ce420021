package io.github.steelyard.corpus;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Turns text into token ids with Hugging Face's tokenizers library and a checkpoint's `tokenizer.json`.
///
/// The file is read when the first text arrives, so that data given as ids needs no tokenizer. Nothing is truncated or
/// padded, whatever the file says. Safe for use by several threads.
public final class Tokenizer implements AutoCloseable {

    /// Largest `tokenizer.json` that is read. The largest published ones have about 40 MiB.
    static final int MAX_BYTES = 256 << 20;

    private static final String POINTER = "version https://git-lfs"; // how Git LFS leaves a file that was not fetched

    private static final Map<String, String> NEITHER_CUT_NOR_PADDED = Map.of(
            "addSpecialTokens", "true",
            "truncation", "false",
            "padding", "false");

    private final Path file;
    private @Nullable HuggingFaceTokenizer loaded;
    private boolean closed;

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
    public int[] encode(String text, boolean addSpecialTokens) {
        HuggingFaceTokenizer tokenizer = loaded();
        long[] ids;
        try {
            ids = tokenizer.encode(text, addSpecialTokens, false).getIds();
        } catch (RuntimeException e) {
            throw new CorpusException(file, "text cannot be tokenised: " + Lines.brief(e));
        }
        int[] result = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            result[i] = Math.toIntExact(ids[i]);
        }
        return result;
    }

    /// Frees the native tokenizer, if one was loaded.
    @Override
    public synchronized void close() {
        closed = true;
        if (loaded != null) {
            loaded.close();
            loaded = null;
        }
    }

    private synchronized HuggingFaceTokenizer loaded() {
        if (closed) {
            throw new IllegalStateException("tokenizer of %s is closed".formatted(file));
        }
        if (loaded == null) {
            loaded = load(file);
        }
        return Objects.requireNonNull(loaded);
    }

    private static HuggingFaceTokenizer load(Path file) {
        requireSilence();
        if (!Files.isRegularFile(file)) {
            throw new CorpusException(file, "no such file; text needs it, data with input_ids does not");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] json = in.readNBytes(MAX_BYTES + 1);
            if (json.length > MAX_BYTES) {
                throw new CorpusException(file, "larger than the %d bytes a tokenizer may have".formatted(MAX_BYTES));
            }
            if (new String(json, 0, Math.min(json.length, POINTER.length()), StandardCharsets.ISO_8859_1)
                    .equals(POINTER)) {
                throw new CorpusException(
                        file, "is a Git LFS pointer, not the file itself: run 'git lfs pull' in its repository");
            }
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), NEITHER_CUT_NOR_PADDED);
        } catch (CorpusException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw new CorpusException(file, "not a tokenizer: " + Lines.brief(e));
        }
    }

    /// The library reports its use over the network unless it is told not to before its first class loads.
    private static void requireSilence() {
        boolean silent = Boolean.getBoolean("OPT_OUT_TRACKING")
                || Boolean.parseBoolean(System.getenv("OPT_OUT_TRACKING"))
                || Boolean.parseBoolean(System.getenv("DJL_OFFLINE"));
        if (!silent) {
            throw new IllegalStateException(
                    "the tokenizer library would report its use over the network: start with scripts/steelyard, or give"
                            + " the JVM -DOPT_OUT_TRACKING=true");
        }
    }
}
