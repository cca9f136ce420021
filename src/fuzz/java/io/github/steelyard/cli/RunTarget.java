package io.github.steelyard.cli;

import io.github.steelyard.console.ExitCode;
import io.github.steelyard.run.RunParts;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Directories of runs: complete ones, parts of a text, and such as an interruption leaves behind.
final class RunTarget implements FuzzTarget {

    private final Path checkpoint;
    private final Path tokens;
    private final Path run;
    private final Path export;
    private final Path other; // the part of the text that a run here may lack
    private final Path merged;
    private final List<Map<String, byte[]>> sound;

    RunTarget(FuzzFiles files) throws IOException {
        this.checkpoint = files.checkpoint("bf16");
        this.tokens = files.tokens();
        this.run = files.root().resolve("run");
        this.export = files.root().resolve("run-export");
        this.other = files.root().resolve("run-other");
        this.merged = files.root().resolve("run-merged");
        ProgressWatcher breaking = new ProgressWatcher("layer 1/", () -> {
            throw new IllegalStateException("broken off");
        });
        CommandRun.watched(breaking, calibration());
        Map<String, byte[]> interrupted = read(run);
        FuzzFiles.clear(run);
        CommandRun.of(calibration()).expect(ExitCode.OK);
        Map<String, byte[]> whole = read(run);
        FuzzFiles.clear(run);
        CommandRun.of(part("1/2", run)).expect(ExitCode.OK);
        CommandRun.of(part("2/2", other)).expect(ExitCode.OK);
        this.sound = List.of(whole, interrupted, read(run));
    }

    @Override
    public String name() {
        return "run";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        FuzzFiles.clear(run);
        FuzzFiles.clear(export);
        FuzzFiles.clear(merged);
        Map<String, byte[]> files = new TreeMap<>(HostileValues.pick(sound, random));
        List<String> names = List.copyOf(files.keySet());
        String name = HostileValues.pick(names, random);
        if (random.nextInt(20) == 0) {
            files.remove(name);
        } else if (random.nextInt(20) == 0) {
            files.put(name, files.get(HostileValues.pick(names, random)));
        } else {
            files.put(name, changed(name, files.get(name), random));
        }
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            Path target = run.resolve(file.getKey());
            Files.createDirectories(target.getParent());
            Files.write(target, file.getValue());
        }
        if (random.nextInt(40) > 0) {
            return new Attempt.Call("RunParts.open", () -> RunParts.open(List.of(run, other), false));
        }
        return new Attempt.Commands(List.of(
                switch (random.nextInt(5)) {
                    case 0 -> new Object[] {"stats", run, "--json"};
                    case 1 -> FuzzFiles.export(run, export);
                    case 2 ->
                        new Object[] {
                            "evaluate", checkpoint, "--data", tokens, "--run", run, "--threads", 1, "--gemm", "vector"
                        };
                    case 3 -> new Object[] {"merge", run, other, "--out", merged};
                    default -> calibration();
                },
                new Object[] {"stats", run}));
    }

    private static byte[] changed(String name, byte[] bytes, Random random) {
        if (bytes.length == 0 || random.nextInt(4) == 0) {
            return ByteMutation.mutated(bytes, random);
        }
        if (name.endsWith(".json")) {
            return mutated(new String(bytes, StandardCharsets.UTF_8), random).getBytes(StandardCharsets.UTF_8);
        }
        return name.endsWith(".safetensors")
                ? FuzzFiles.withHeader(bytes, mutated(FuzzFiles.header(bytes).toString(), random))
                : ByteMutation.mutated(bytes, random);
    }

    private static String mutated(String json, Random random) {
        return new JsonMutation(List.of(Json.parse(json))).mutated(random);
    }

    private Object[] part(String shard, Path out) {
        return Stream.of(
                        FuzzFiles.calibrate(checkpoint, FuzzFiles.RECIPE, tokens, out), new Object[] {"--shard", shard})
                .flatMap(Stream::of)
                .toArray();
    }

    private Object[] calibration() {
        return FuzzFiles.calibrate(checkpoint, FuzzFiles.RECIPE, tokens, run);
    }

    private static Map<String, byte[]> read(Path directory) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> found = Files.walk(directory)) {
            for (Path file : new ArrayList<>(found.filter(Files::isRegularFile).toList())) {
                files.put(directory.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        return files;
    }
}
