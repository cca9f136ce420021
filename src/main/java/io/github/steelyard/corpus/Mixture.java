package io.github.steelyard.corpus;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// Draws documents from sources by their weights: next comes the source that has given least for its weight, the first
/// of those that have given as little. One that has no more is left out.
///
/// What a source gives counts in sequences, or in tokens where documents are joined.
final class Mixture implements AutoCloseable {

    private final DataOptions options;
    private final List<Share> shares = new ArrayList<>();

    /// A source and what it has given.
    private static final class Share {
        private final SourceDocuments documents;
        private long given;
        private boolean ended;

        Share(SourceDocuments documents) {
            this.documents = documents;
        }

        double due() {
            return given / documents.source().weight();
        }
    }

    /// @param options names the sources
    /// @param vocabulary ids run from 0 to this, exclusive
    Mixture(DataOptions options, Tokenizer tokenizer, int vocabulary) {
        this.options = options;
        int files = 0;
        for (DataSource source : options.sources()) {
            SourceDocuments documents = new SourceDocuments(
                    source,
                    files,
                    options,
                    (file, index) -> new Documents(file, index, options, tokenizer, vocabulary));
            shares.add(new Share(documents));
            files += documents.files();
        }
    }

    /// Returns as many documents as are needed, or all.
    ///
    /// @throws CorpusException if a source cannot be used, or has no token
    List<Document> draw() {
        List<Document> drawn = new ArrayList<>();
        long worth = 0;
        long tokens = 0;
        int number = 0;
        while (worth < needed(options)) {
            Share share = shares.stream()
                    .filter(one -> !one.ended)
                    .min(Comparator.comparingDouble(Share::due))
                    .orElse(null);
            if (share == null) {
                break;
            }
            Document document = share.documents.next(number);
            if (document == null) {
                share.ended = true;
                requireGiven(share);
                continue;
            }
            drawn.add(document);
            number += document.number() == number ? 1 : 0;
            long given = options.packing() == DataOptions.Packing.CONCATENATE ? document.ids().length : 1;
            share.given += given;
            worth += given;
            tokens += document.ids().length;
            requireRoom(share.documents.source(), tokens);
        }
        return drawn;
    }

    /// Reads what is left of all files, of which nothing more is used.
    void finish(Sequencer sequencer) {
        shares.forEach(share -> share.documents.finish(sequencer));
    }

    /// Returns the number of documents without a token.
    long empty() {
        return shares.stream().mapToLong(share -> share.documents.empty()).sum();
    }

    /// Returns the number of documents that were not needed.
    long unread() {
        return shares.stream().mapToLong(share -> share.documents.unread()).sum();
    }

    /// Returns the files of all sources, in order, once they are finished; to be asked once.
    List<DataFile> files(Sequencer used) {
        return shares.stream()
                .flatMap(share -> share.documents.finished().stream())
                .map(file -> file.described(used))
                .toList();
    }

    @Override
    public void close() {
        shares.forEach(share -> share.documents.close());
    }

    /// Returns how much suffices: a number of sequences, or of tokens where documents are joined.
    static long needed(DataOptions options) {
        if (options.maxSequences().isEmpty()) {
            return Long.MAX_VALUE;
        }
        long most = options.maxSequences().getAsInt();
        return switch (options.packing()) {
            case NONE -> most;
            case CONCATENATE -> most * options.sequenceLength();
        };
    }

    /// @throws CorpusException if so many tokens are more than a set holds
    static void requireRoom(DataSource source, long tokens) {
        if (tokens > CalibrationSet.MOST_TOKENS) {
            throw new CorpusException(
                    source.path(),
                    String.format(
                            Locale.ROOT,
                            "more than %d tokens; set max_sequences or sequence_length",
                            CalibrationSet.MOST_TOKENS));
        }
    }

    private static void requireGiven(Share share) {
        if (share.given == 0) {
            throw new CorpusException(
                    share.documents.source().path(),
                    String.format(Locale.ROOT, "no token in it; documents without text: %d", share.documents.empty()));
        }
    }
}
