package io.github.steelyard.cli;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A small synthetic checkpoint that a test lays out otherwise than it was written.
///
/// @param directory where it lies
record Layout(Path directory) {

    private static final Pattern EXPERT = Pattern.compile("(.*)\\.experts\\.(\\d+)\\.(\\w+)\\.weight");

    /// A tensor with its bytes.
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Tensor(DType dtype, Shape shape, byte[] bytes) {

        /// Returns a BF16 tensor of random values of about 0.02.
        static Tensor random(long seed, long... extents) {
            Shape shape = Shape.of(extents);
            Random random = new Random(seed);
            byte[] bytes = new byte[Math.toIntExact(2 * shape.elements())];
            for (int i = 0; i < bytes.length; i += 2) {
                int bits = Float.floatToRawIntBits((float) (0.02 * random.nextGaussian())) >>> 16;
                bytes[i] = (byte) bits;
                bytes[i + 1] = (byte) (bits >> 8);
            }
            return new Tensor(DType.BF16, shape, bytes);
        }
    }

    /// Writes random weights for a config of `src/test/resources/cli`, with token ids beside them.
    static Layout synthesize(Path directory, String config) {
        CommandRun.of(
                        "synthesize",
                        "src/test/resources/cli/%s.json".formatted(config),
                        "--seed",
                        11,
                        "--sequences",
                        6,
                        "--sequence-length",
                        40,
                        "--out",
                        directory)
                .expect(ExitCode.OK);
        return new Layout(directory);
    }

    Path data() {
        return directory.resolve("tokens.jsonl");
    }

    /// Writes the same checkpoint with other tensors into another directory.
    Layout with(Path target, UnaryOperator<Map<String, Tensor>> change) {
        try {
            Files.createDirectory(target);
            for (String file : List.of("config.json", "tokens.jsonl")) {
                Files.copy(directory.resolve(file), target.resolve(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        write(target.resolve("model.safetensors"), change.apply(tensors()));
        return new Layout(target);
    }

    /// Changes a text in `config.json`.
    Layout edit(String from, String to) {
        try {
            Path file = directory.resolve("config.json");
            String text = Files.readString(file);
            if (!text.contains(from)) {
                throw new IllegalArgumentException("%s: no '%s'".formatted(file, from));
            }
            Files.writeString(file, text.replace(from, to));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Adds a safetensors file.
    Layout beside(String file, Map<String, Tensor> tensors) {
        write(directory.resolve(file), tensors);
        return this;
    }

    Map<String, Tensor> tensors() {
        return tensors(directory);
    }

    static Map<String, Tensor> tensors(Path directory) {
        Map<String, Tensor> tensors = new TreeMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            checkpoint
                    .tensors()
                    .forEach((name, info) -> tensors.put(
                            name,
                            new Tensor(
                                    info.dtype(),
                                    info.shape(),
                                    checkpoint.bytes(info).toArray(ValueLayout.JAVA_BYTE))));
        }
        return tensors;
    }

    /// Returns the tensors as transformers 5 saves them in its own form: experts fused, gates and ups one below the
    /// other, and Mixtral's block under the usual name.
    static Map<String, Tensor> fused(Map<String, Tensor> tensors) {
        Map<String, Tensor> saved = new TreeMap<>();
        Map<String, Map<Integer, Map<String, Tensor>>> blocks = new TreeMap<>();
        tensors.forEach((name, tensor) -> {
            Matcher expert = EXPERT.matcher(name);
            if (expert.matches() && !name.contains("shared")) {
                blocks.computeIfAbsent(expert.group(1), block -> new TreeMap<>())
                        .computeIfAbsent(Integer.valueOf(expert.group(2)), index -> new TreeMap<>())
                        .put(expert.group(3), tensor);
            } else {
                saved.put(renamed(name), tensor);
            }
        });
        blocks.forEach((block, experts) -> {
            boolean gated = experts.get(0).size() == 3;
            String up = gated ? ".experts.gate_up_proj" : ".experts.up_proj";
            saved.put(
                    renamed(block + up),
                    stack(experts, gated ? List.of("gate_proj", "w1", "up_proj", "w3") : List.of("up_proj")));
            saved.put(renamed(block + ".experts.down_proj"), stack(experts, List.of("down_proj", "w2")));
        });
        return saved;
    }

    private static String renamed(String name) {
        return name.replace(".block_sparse_moe.", ".mlp.");
    }

    private static Tensor stack(Map<Integer, Map<String, Tensor>> experts, List<String> leaves) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        List<Tensor> first = new ArrayList<>();
        experts.forEach((index, tensors) -> leaves.stream()
                .filter(tensors::containsKey)
                .forEach(leaf -> {
                    Tensor tensor = tensors.get(leaf);
                    bytes.writeBytes(tensor.bytes());
                    if (index == 0) {
                        first.add(tensor);
                    }
                }));
        long rows = first.stream().mapToLong(tensor -> tensor.shape().dim(0)).sum();
        Shape shape = Shape.of(experts.size(), rows, first.getFirst().shape().dim(1));
        return new Tensor(first.getFirst().dtype(), shape, bytes.toByteArray());
    }

    /// Returns a change that adds tensors, for [#with].
    static UnaryOperator<Map<String, Tensor>> adding(Consumer<Map<String, Tensor>> more) {
        return tensors -> {
            Map<String, Tensor> all = new TreeMap<>(tensors);
            more.accept(all);
            return all;
        };
    }

    private static void write(Path file, Map<String, Tensor> tensors) {
        List<Planned> plan = new ArrayList<>();
        List<MemorySegment> bytes = new ArrayList<>();
        tensors.forEach((name, tensor) -> {
            plan.add(new Planned(name, tensor.dtype(), tensor.shape()));
            bytes.add(MemorySegment.ofArray(tensor.bytes()));
        });
        SafetensorsWriter.write(file, plan, Map.of("format", "pt"), bytes);
    }
}
