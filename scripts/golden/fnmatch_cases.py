"""Writes src/test/resources/golden/recipe/fnmatch.tsv: pattern, name, 1 or 0, as Python's fnmatch decides.

Usage: python3 scripts/golden/fnmatch_cases.py
"""

import fnmatch
import pathlib
import platform
import random

NAMES = [
    "model.layers.0.self_attn.q_proj.weight_quantizer",
    "model.layers.0.self_attn.k_bmm_quantizer",
    "model.layers.0.self_attn.v_bmm_quantizer",
    "model.layers.3.mlp.experts.11.down_proj.input_quantizer",
    "model.layers.3.mlp.shared_experts.down_proj.input_quantizer",
    "model.layers.3.mlp.gate.weight_quantizer",
    "model.layers.3.mlp.gate_proj.weight_quantizer",
    "model.layers.0.block_sparse_moe.experts.1.w2.input_quantizer",
    "model.mtp.layers.0.mlp.up_proj.weight_quantizer",
    "mtp.layers.0.mlp.up_proj.weight_quantizer",
    "lm_head.input_quantizer",
    "LM_HEAD.input_quantizer",
    "",
]
PATTERNS = [
    "*", "", "?", "*.experts.*weight_quantizer", "*.experts.*input_quantizer", "*[kv]_bmm_quantizer", "*[!kv]_bmm_quantizer",
    "mtp.*", "*mtp.*", "*mlp.gate.*", "*mlp.gate*", "*lm_head*", "lm_head", "lm_head*", "*weight_quantizer", "*block_sparse_moe*",
    "model.layers.[0-2].*", "model.layers.[!0-2].*", "*experts.1[0-9].*", "*experts.?.*", "*[*", "*[]]*", "[[]*", "*[a-", "*.w[123].*",
    "model", "*.*.*.*.*.*.*.*.*.*", "*_*_*_*", "*[z-a]*", "*[!z-a]*",
]


def main():
    rng = random.Random(20260101)
    alphabet = "ab.*?[]!-"
    random_patterns = ["".join(rng.choice(alphabet) for _ in range(rng.randrange(0, 9))) for _ in range(1500)]
    rows = [(p, n) for p in PATTERNS for n in NAMES]
    rows += [(p, "".join(rng.choice("ab.[]-!") for _ in range(rng.randrange(0, 6)))) for p in random_patterns]
    target = pathlib.Path(__file__).parents[2] / "src/test/resources/golden/recipe/fnmatch.tsv"
    with target.open("w", encoding="utf-8") as out:
        out.write(f"# fnmatch.fnmatchcase of Python {platform.python_version()}; scripts/golden/fnmatch_cases.py; seed 20260101\n")
        for pattern, name in rows:
            out.write(f"{pattern}\t{name}\t{int(fnmatch.fnmatchcase(name, pattern))}\n")


main()
