package io.github.steelyard.job;

import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataFile;
import io.github.steelyard.corpus.Shard;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.Portion;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The text of a calibration, and the part of it that is measured here.
///
/// @param set all of it
/// @param shard which part; empty: all
/// @param sequences those of the part
/// @param firstToken where these begin in the whole
record CalibratedText(CalibrationSet set, Optional<Shard> shard, Sequences sequences, long firstToken) {

    /// @throws RequestException if a part would have no sequences
    static CalibratedText of(CalibrationSet set, Optional<Shard> shard) {
        Sequences all = Inputs.sequences(set);
        if (shard.isEmpty()) {
            return new CalibratedText(set, shard, all, 0);
        }
        if (shard.get().of() > all.count()) {
            throw new RequestException(String.format(
                    Locale.ROOT,
                    "--shard %s: the calibration text has %d sequences, fewer than parts",
                    shard.get(),
                    all.count()));
        }
        int from = shard.get().from(all.count());
        return new CalibratedText(set, shard, all.range(from, shard.get().to(all.count())), all.start(from));
    }

    /// Returns how much of it is drawn: of a part, all at once, since nobody could say when there is enough.
    Drawing drawing(CalibrationRequest request) {
        return shard.isPresent() ? request.drawing().inOneRound(set.count()) : request.drawing();
    }

    /// Returns what manifests say of the text. What a run on one plain file has always said of it is its place; the
    /// sequences have the digest.
    Manifest.DataInput input(CalibrationRequest request) {
        List<DataFile> files = set.files();
        boolean plain = files.size() == 1 && files.getFirst().isPlain();
        return new Manifest.DataInput(
                request.dataOptions().place(),
                set.digest(),
                plain
                        ? List.of()
                        : files.stream()
                                .map(file -> new Manifest.DataFile(
                                        file.path().toString(), file.digest(), file.documents(), file.tokens()))
                                .toList());
    }

    /// Returns which part of the text it is, if it is not all of it by itself.
    List<Portion> portions(CalibrationRequest request) {
        int count = set.count();
        return shard
                .map(part -> Portion.of(input(request), count, part.from(count), part.to(count), sequences.tokens()))
                .stream()
                .toList();
    }
}
