package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.job.DataFiles;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// `tokenizer.json`. Each input starts a process, so there are far fewer of them than of others.
final class TokenizerTarget implements FuzzTarget {

    private static final List<JsonNode> TOKENIZERS = List.of(Json.parse("""
            {"version": "1.0", "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction":
             "Right"}, "padding": null,
             "added_tokens": [{"id": 9, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
              "normalized": false, "special": true}],
             "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "x"},
              {"type": "Replace", "pattern": {"String": " "}, "content": "_"}, {"type": "Replace", "pattern":
              {"Regex": "a+"}, "content": "aa"}]},
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex":
              "\\\\p{L}+|\\\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space":
              false, "trim_offsets": true, "use_regex": false}]},
             "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
              {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
              "special_tokens": {"<s>": {"id": "<s>", "ids": [9], "tokens": ["<s>"]}}},
             "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
             "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
              "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
              "vocab": {"a": 0, "b": 1, "aa": 2, "ab": 3, "x": 4, "_": 5, "aab": 6}, "merges": ["a a", "a b", "aa b"]}}
            """), Json.parse("""
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
             "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
              "strip_accents": null, "lowercase": true}, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁",
              "prepend_scheme": "always", "split": true}, "post_processor": null, "decoder": null,
             "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": [["<unk>", 0.0], ["a", -1.5],
              ["▁a", -2.0], ["b", -3.0]]}}
            """), Json.parse("""
            {"version": "1.0", "truncation": null, "padding": {"strategy": {"Fixed": 4}, "direction": "Right",
              "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}, "added_tokens": [],
             "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "[PAD]": 1, "a": 2, "##b": 3}}}
            """));

    private final Path checkpoint;
    private final Path text;
    private final JsonMutation mutation = new JsonMutation(TOKENIZERS);

    TokenizerTarget(FuzzFiles files) throws IOException {
        this.checkpoint = files.copy(files.checkpoint("bf16"), "tokenizer");
        this.text = Files.writeString(
                files.root().resolve("texts.jsonl"),
                "{\"text\":\"aab ab é\"}\n{\"text\":\"" + "a".repeat(100) + "\"}\n");
    }

    @Override
    public String name() {
        return "tokenizer";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        Path file = checkpoint.resolve("tokenizer.json");
        String changed = mutation.mutated(random);
        Files.write(
                file,
                random.nextInt(8) == 0
                        ? ByteMutation.mutated(changed.getBytes(StandardCharsets.UTF_8), random)
                        : changed.getBytes(StandardCharsets.UTF_8));
        return new Attempt.Call("Inputs.corpus with " + file, () -> DataFiles.read(text, checkpoint));
    }
}
