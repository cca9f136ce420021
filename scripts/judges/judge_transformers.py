"""Asks transformers' from_pretrained, and runs a few tokens through what it made."""

import json

import judge

torch, transformers = judge.need("torch", "transformers")
directory = judge.directory()
if directory is None:
    judge.ran("could run")
    raise SystemExit(0)

config = json.loads((directory / "config.json").read_text())
method = config.get("quantization_config", {}).get("quant_method", "none")
if method == "modelopt":
    judge.skip("transformers has no quantizer for modelopt, and takes FP8 codes for weights without a word")
if method == "compressed-tensors":
    judge.need("compressed_tensors")
    groups = config["quantization_config"].get("config_groups", {})
    formats = {group.get("format") for group in groups.values() if isinstance(group, dict)}
    if "nvfp4-pack-quantized" in formats and "num_experts" in json.dumps(config):
        judge.skip("transformers 5.18 reads NVFP4 experts of compressed-tensors wrong by thousands")

model, loaded = transformers.AutoModelForCausalLM.from_pretrained(
    directory, dtype=torch.float32, output_loading_info=True
)
for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
    left = sorted(map(str, loaded.get(kind) or []))
    if left:
        judge.fail(f"{kind}: {len(left)}, such as {left[0]}")
with torch.no_grad():
    logits = model(torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8]])).logits
if not torch.isfinite(logits).all():
    judge.fail("logits are not finite")
judge.ran(f"{type(model).__name__}, largest logit {logits.abs().max().item():.4g}")
