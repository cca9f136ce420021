package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Values of tensors whose headers and declarations are consistent.
final class TensorTarget implements FuzzTarget {

    private static final byte[][] PATTERNS = {
        {0},
        {(byte) 0xff},
        {0x7f},
        {(byte) 0x80},
        {0x7e},
        {1},
        {0, 0, (byte) 0x80, 0x7f},
        {(byte) 0x80, 0x7f},
        {(byte) 0x80, (byte) 0xff},
        {(byte) 0xc0, 0x7f},
        {(byte) 0x7f, 0x7f},
        {(byte) 0xff, (byte) 0xff, 0x7f, 0x7f},
        {1, 0},
        {0, 0, (byte) 0x80, (byte) 0xbf},
        {0, 0, (byte) 0x80, 0}
    };

    private final List<Checkpoint> checkpoints = new ArrayList<>();
    private final Path tokens;
    private final Path run;
    private final Path export;

    /// @param begin where its data begins in the file
    private record Tensor(int begin, int end) {}

    private record Checkpoint(Path directory, ByteBuffer sound, List<Tensor> tensors) {

        static Checkpoint read(Path directory) throws IOException {
            byte[] sound = Files.readAllBytes(directory.resolve("model.safetensors"));
            int data = Long.BYTES + FuzzFiles.headerLength(sound);
            List<Tensor> tensors = new ArrayList<>();
            FuzzFiles.header(sound).forEach(entry -> {
                JsonNode offsets = entry.path("data_offsets");
                if (offsets.size() == 2) {
                    tensors.add(new Tensor(
                            data + offsets.get(0).intValue(),
                            data + offsets.get(1).intValue()));
                }
            });
            return new Checkpoint(directory, ByteBuffer.wrap(sound), tensors);
        }
    }

    TensorTarget(FuzzFiles files) throws IOException {
        for (String format : FuzzFiles.FORMATS) {
            checkpoints.add(Checkpoint.read(files.copy(files.checkpoint(format), "tensors-" + format)));
        }
        for (Path family : files.families("nvfp4")) {
            checkpoints.add(Checkpoint.read(family));
        }
        this.tokens = files.tokens();
        this.run = files.root().resolve("tensors-run");
        this.export = files.root().resolve("tensors-export");
    }

    @Override
    public String name() {
        return "tensors";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        Checkpoint chosen = HostileValues.pick(checkpoints, random);
        byte[] changed = chosen.sound().array().clone();
        for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
            change(HostileValues.pick(chosen.tensors(), random), changed, random);
        }
        Files.write(chosen.directory().resolve("model.safetensors"), changed);
        return switch (random.nextInt(6)) {
            case 0 -> Attempt.Commands.of("inspect", chosen.directory(), "--check");
            case 1 -> Attempt.Commands.of("verify", chosen.directory());
            case 2 -> Attempt.Commands.of(FuzzFiles.evaluate(chosen.directory(), tokens));
            case 3 -> Attempt.Commands.of(FuzzFiles.fakeQuantised(chosen.directory(), tokens));
            default -> {
                FuzzFiles.clear(run);
                FuzzFiles.clear(export);
                yield new Attempt.Commands(List.of(
                        FuzzFiles.calibrate(chosen.directory(), FuzzFiles.RECIPE, tokens, run),
                        FuzzFiles.export(run, export)));
            }
        };
    }

    private static void change(Tensor tensor, byte[] file, Random random) {
        int length = tensor.end() - tensor.begin();
        if (length == 0) {
            return;
        }
        switch (random.nextInt(4)) {
            case 0 -> fill(tensor, file, PATTERNS[random.nextInt(PATTERNS.length)]);
            case 1 -> {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                System.arraycopy(noise, 0, file, tensor.begin(), length);
            }
            case 2 -> Arrays.fill(file, tensor.begin(), tensor.end(), (byte) random.nextInt());
            default -> {
                byte[] pattern = PATTERNS[random.nextInt(PATTERNS.length)];
                int at = tensor.begin() + random.nextInt(length) / pattern.length * pattern.length;
                System.arraycopy(pattern, 0, file, at, Math.min(pattern.length, tensor.end() - at));
            }
        }
    }

    private static void fill(Tensor tensor, byte[] file, byte[] pattern) {
        for (int i = tensor.begin(); i < tensor.end(); i++) {
            file[i] = pattern[(i - tensor.begin()) % pattern.length];
        }
    }
}
