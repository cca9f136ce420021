package io.github.steelyard.checkpoint;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// What was opened so far of the files of a checkpoint directory.
final class Opening {

    private final Path directory;
    private final List<SafetensorsFile> files = new ArrayList<>();
    private final Map<String, TensorInfo> tensors = new HashMap<>();
    private final List<Finding> findings = new ArrayList<>();

    Opening(Path directory) {
        this.directory = directory;
    }

    Shards done() {
        files.sort(Comparator.comparing(SafetensorsFile::file));
        return new Shards(files, tensors, findings);
    }

    /// Closes what was opened.
    void close() {
        files.forEach(SafetensorsFile::close);
    }

    void warn(String code, String subject, String message) {
        findings.add(Finding.warning(code, subject, message));
    }

    void open(Path file) {
        add(file, SafetensorsFile.open(file));
    }

    /// Opens a file that has tensors which no other has; returns whether it has. What it repeats, as a prediction
    /// layer may repeat the embedding, must be the same.
    boolean openIfNew(Path file) {
        SafetensorsFile shard = SafetensorsFile.open(file);
        List<TensorInfo> repeated = shard.tensors().values().stream()
                .filter(tensor -> tensors.containsKey(tensor.name()))
                .toList();
        boolean isNew =
                repeated.size() < shard.tensors().size() && repeated.stream().allMatch(tensor -> isCopy(shard, tensor));
        if (!isNew) {
            shard.close();
            return false;
        }
        files.add(shard);
        findings.addAll(shard.findings());
        shard.tensors().forEach(tensors::putIfAbsent);
        return true;
    }

    private boolean isCopy(SafetensorsFile shard, TensorInfo tensor) {
        TensorInfo known = Objects.requireNonNull(tensors.get(tensor.name()));
        SafetensorsFile other = files.stream()
                .filter(file -> file.file().equals(known.file()))
                .findFirst()
                .orElseThrow();
        return tensor.typeText().equals(known.typeText()) && shard.bytes(tensor).mismatch(other.bytes(known)) < 0;
    }

    /// Opens what lies beside the files that were opened.
    ///
    /// @param names names of others that are known, and not read
    void openBeside(Set<String> names) {
        Set<String> known = new HashSet<>(names);
        known.add(Shards.SINGLE);
        new FilesBeside(directory, known).read(this);
    }

    /// Returns whether `single` is to be read rather than the index beside it, and says so, since programs differ
    /// in it. A file that lacks tensors of the index is a stray one, if the shards are there.
    boolean prefers(Path single, Path indexFile) {
        ShardIndex index;
        try {
            index = ShardIndex.read(indexFile);
        } catch (CheckpointException e) {
            warnOfBoth(
                    indexFile,
                    "%s is read, the index is not, since it cannot be: %s".formatted(Shards.SINGLE, e.problem()));
            return true;
        }
        if (index.shardOf().containsValue(Shards.SINGLE)) {
            return false;
        }
        boolean complete =
                index.shardOf().values().stream().distinct().allMatch(name -> Shards.isThere(directory.resolve(name)));
        Set<String> lacking = new TreeSet<>(index.shardOf().keySet());
        String problem = "";
        try (SafetensorsFile file = SafetensorsFile.open(single)) {
            lacking.removeAll(file.tensors().keySet());
        } catch (CheckpointException e) {
            problem = e.problem();
        }
        if (complete && !lacking.isEmpty()) {
            warnOfBoth(
                    indexFile,
                    "the shards of the index are read, %s is not: %s"
                            .formatted(
                                    Shards.SINGLE,
                                    problem.isEmpty()
                                            ? String.format(
                                                    Locale.ROOT,
                                                    "it lacks %d of the %d tensors that the index lists",
                                                    lacking.size(),
                                                    index.shardOf().size())
                                            : problem));
            return false;
        }
        warnOfBoth(indexFile, "%s is read, the index is not".formatted(Shards.SINGLE));
        return true;
    }

    private void warnOfBoth(Path indexFile, String which) {
        warn(
                Finding.WHICH_FILES,
                ShardIndex.FILE_NAME,
                "%s: both this index and %s are present; %s".formatted(Printable.of(indexFile), Shards.SINGLE, which));
    }

    /// Returns the files that an index lists, none if it cannot be read.
    Set<String> shardsOf(Path indexFile) {
        try {
            return Set.copyOf(ShardIndex.read(indexFile).shardOf().values());
        } catch (CheckpointException e) {
            return Set.of();
        }
    }

    private void add(Path file, SafetensorsFile shard) {
        files.add(shard);
        findings.addAll(shard.findings());
        for (TensorInfo tensor : shard.tensors().values()) {
            TensorInfo earlier = tensors.put(tensor.name(), tensor);
            if (earlier != null) {
                throw new CheckpointException(
                        file,
                        "tensor %s is present in two shards, the other is %s"
                                .formatted(Printable.quoted(tensor.name()), Printable.of(earlier.file())));
            }
        }
    }

    void open(Path indexFile, ShardIndex index) {
        Map<String, Path> paths = new TreeMap<>();
        index.shardOf().values().forEach(name -> paths.computeIfAbsent(name, directory::resolve));
        requirePresent(indexFile, paths);
        paths.values().forEach(this::open);
        requireListed(indexFile, index, paths);
        warnOfUnlisted(indexFile, index);
        openBeside(paths.keySet());
        warnOfSize(indexFile, index);
    }

    private void requirePresent(Path indexFile, Map<String, Path> paths) {
        List<String> missing = new ArrayList<>();
        paths.forEach((name, path) -> {
            requireInside(indexFile, name, path);
            if (!Shards.isThere(path)) {
                missing.add(name);
            }
        });
        if (!missing.isEmpty()) {
            throw new CheckpointException(
                    indexFile,
                    String.format(
                            Locale.ROOT,
                            "%d of %d shards not found: %s%s",
                            missing.size(),
                            paths.size(),
                            Printable.list(missing),
                            others(paths)));
        }
    }

    private String others(Map<String, Path> paths) {
        Set<String> others = new FilesBeside(directory, paths.keySet()).files().keySet();
        return others.isEmpty()
                ? ""
                : String.format(
                        Locale.ROOT,
                        "; the directory holds %d that the index does not list, perhaps of another sharding: %s",
                        others.size(),
                        Printable.list(others));
    }

    // A shard itself may be a link, as in a hub cache. A folder on the way to it may not lead elsewhere.
    private void requireInside(Path indexFile, String name, Path path) {
        Path parent = path.getParent();
        if (parent == null || parent.equals(directory) || !Files.exists(parent)) {
            return;
        }
        try {
            if (!parent.toRealPath().startsWith(directory.toRealPath())) {
                throw new CheckpointException(
                        indexFile,
                        "weight_map: shard %s leaves the checkpoint's directory".formatted(Printable.quoted(name)));
            }
        } catch (IOException e) {
            throw FileProblem.describe(parent, e);
        }
    }

    private void requireListed(Path indexFile, ShardIndex index, Map<String, Path> paths) {
        List<String> absent = new ArrayList<>();
        index.shardOf().forEach((name, shard) -> {
            TensorInfo tensor = tensors.get(name);
            if (tensor == null || !tensor.file().equals(paths.get(shard))) {
                absent.add(name);
            }
        });
        if (absent.isEmpty()) {
            return;
        }
        TreeSet<String> sorted = new TreeSet<>(absent);
        String first = sorted.first();
        TensorInfo elsewhere = tensors.get(first);
        String found = elsewhere == null ? "no shard has it" : "it is in " + Printable.of(elsewhere.file());
        throw new CheckpointException(
                indexFile,
                "tensor %s is listed in shard %s but is not there, %s%s"
                        .formatted(
                                Printable.quoted(first),
                                Printable.quoted(String.valueOf(index.shardOf().get(first))),
                                found,
                                absent.size() == 1
                                        ? ""
                                        : "; the same holds for %s"
                                                .formatted(Printable.list(sorted.tailSet(first, false)))));
    }

    private void warnOfUnlisted(Path indexFile, ShardIndex index) {
        List<String> unlisted = tensors.keySet().stream()
                .filter(name -> !index.shardOf().containsKey(name))
                .toList();
        if (!unlisted.isEmpty()) {
            String names = Printable.list(unlisted);
            warn(
                    "tensor-unlisted",
                    new TreeSet<>(unlisted).first(),
                    String.format(
                            Locale.ROOT,
                            "%s: %d tensors are in the shards but not in the index, they are read all the same: %s",
                            Printable.of(indexFile),
                            unlisted.size(),
                            names));
        }
    }

    private void warnOfSize(Path indexFile, ShardIndex index) {
        long sum = 0;
        for (TensorInfo tensor : tensors.values()) {
            sum += tensor.byteSize();
        }
        boolean differs = index.totalSize().isPresent() && index.totalSize().getAsLong() != sum;
        if (index.oddSize() || differs) {
            String said = index.oddSize()
                    ? "something else than a whole number"
                    : String.valueOf(index.totalSize().getAsLong());
            warn(
                    "index-total-size",
                    "metadata.total_size",
                    String.format(
                            Locale.ROOT,
                            "%s: metadata.total_size: wanted %d, the bytes of all tensors, found %s",
                            Printable.of(indexFile),
                            sum,
                            said));
        }
    }
}
