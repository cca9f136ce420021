package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.ModuleInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/// Recipes: their values, their lines, and what YAML has besides.
final class RecipeTarget implements FuzzTarget {

    private static final List<String> LINES = List.of(
            "a: &a [x, x, x, x, x, x, x, x, x]",
            "b: &b [*a, *a, *a, *a, *a, *a, *a, *a]",
            "c: [*b, *b, *b, *b, *b, *b, *b, *b]",
            "<<: *a",
            "x: !!java.net.URL ['http://localhost']",
            "x: !!binary aGk=",
            "x: !!float nan",
            "? [a, b]: c",
            "%YAML 1.1",
            "---",
            "...",
            "\t- tab",
            "- - - - - -",
            "imports: {base: ./recipe}",
            "imports: {base: ../../../../etc/passwd}",
            "$import: base",
            "quantize: {quant_cfg: [{$import: base}]}",
            "key: |2",
            "x: 'unclosed",
            "x: \"\\x00\\e[31m\"",
            "x: 1e999",
            "x: 0o777",
            "x: 2026-01-01",
            "[".repeat(3000),
            "{a: ".repeat(300),
            "- {quantizer_name: '*', enable: true}",
            "    - {quantizer_name: '*weight_quantizer', cfg: {num_bits: 99999999999}}",
            "    - {quantizer_name: '*input_quantizer', cfg: {num_bits: e2m1, block_sizes: {-1: 0}}}",
            "    - {quantizer_name: '[', enable: true}");

    private final Path checkpoint;
    private final Path tokens;
    private final Path recipe;
    private final Path run;
    private final List<String> texts = new ArrayList<>();
    private final List<ModuleInfo> modules;
    private final JsonMutation mutation;

    RecipeTarget(FuzzFiles files) throws IOException {
        this.checkpoint = files.checkpoint("bf16");
        this.tokens = files.tokens();
        this.recipe = Files.createDirectory(files.root().resolve("recipes")).resolve("recipe.yaml");
        this.run = files.root().resolve("recipe-run");
        try (Checkpoint opened = Checkpoint.open(checkpoint)) {
            this.modules = Families.of(opened).modules();
        }
        List<JsonNode> trees = new ArrayList<>();
        YAMLMapper mapper = new YAMLMapper();
        try (Stream<Path> shipped = Files.list(Path.of("configs/recipes"))) {
            for (Path file : shipped.sorted().toList()) {
                String text = Files.readString(file);
                texts.add(text);
                trees.add(mapper.readTree(text));
            }
        }
        this.mutation = new JsonMutation(trees);
    }

    @Override
    public String name() {
        return "recipe";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        Files.write(
                recipe,
                switch (random.nextInt(6)) {
                    case 0 ->
                        ByteMutation.mutated(
                                HostileValues.pick(texts, random).getBytes(StandardCharsets.UTF_8), random);
                    case 1, 2 -> lines(random).getBytes(StandardCharsets.UTF_8);
                    default -> mutation.mutated(random).getBytes(StandardCharsets.UTF_8);
                });
        if (random.nextInt(100) > 0) {
            return new Attempt.Call("Plan.of", () -> Plan.of(Recipe.read(recipe), modules));
        }
        if (random.nextInt(4) > 0) {
            return Attempt.Commands.of("plan", checkpoint, "--recipe", recipe, "--gflops", 1);
        }
        FuzzFiles.clear(run);
        return Attempt.Commands.of(FuzzFiles.calibrate(checkpoint, recipe, tokens, run));
    }

    private String lines(Random random) {
        List<String> lines =
                new ArrayList<>(HostileValues.pick(texts, random).lines().toList());
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            int at = random.nextInt(lines.size());
            switch (random.nextInt(5)) {
                case 0 -> lines.add(at, HostileValues.pick(LINES, random));
                case 1 -> lines.set(at, " ".repeat(random.nextInt(4)) + lines.get(at));
                case 2 -> lines.add(at, lines.get(random.nextInt(lines.size())));
                case 3 -> lines.set(at, lines.get(at).stripLeading());
                default ->
                    lines.set(
                            at,
                            lines.get(at)
                                    .replaceFirst(
                                            "[^ :{]+$",
                                            HostileValues.text(random)
                                                    .textValue()
                                                    .replace("\\", "")
                                                    .replace("$", "")));
            }
        }
        return String.join("\n", lines);
    }
}
