"""Asks the compressed-tensors library to decompress every quantised weight, and holds that against our formulas."""

import json
import re

import judge

torch, safetensors, library, compressors = judge.need(
    "torch", "safetensors.torch", "compressed_tensors", "compressed_tensors.compressors.base"
)
directory = judge.directory()
if directory is None:
    judge.ran("could run")
    raise SystemExit(0)

stored = json.loads((directory / "config.json").read_text()).get("quantization_config", {})
if stored.get("quant_method") != "compressed-tensors":
    judge.skip("no compressed-tensors config there")

E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def by_formula(parts):
    """The weight of a module from its stored tensors; None for a format that is not recomputed here."""
    scale = parts["weight_scale"]
    if "weight_global_scale" in parts:
        packed = parts["weight_packed"]
        codes = torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2).long()
        blocks = scale.float() / parts["weight_global_scale"].float()
        return E2M1[codes] * blocks.repeat_interleave(16, dim=-1)
    weight = parts.get("weight")
    if weight is None or weight.dtype != torch.float8_e4m3fn or scale.dtype == torch.uint8:
        return None
    scale = scale.float()
    if scale.ndim == 2 and scale.shape != (weight.shape[0], 1):
        scale = scale.repeat_interleave(128, 0)[: weight.shape[0]].repeat_interleave(128, 1)[:, : weight.shape[1]]
    return weight.float() * scale


def scheme_of(module, groups):
    """The group whose targets match, names and expressions before classes."""
    for group in groups:
        for target in group.targets:
            if target == module or (target.startswith("re:") and re.match(target[3:], module)):
                return group
    return next((group for group in groups if "Linear" in group.targets), None)


tensors = {}
for file in sorted(directory.glob("*.safetensors")):
    tensors.update(safetensors.load_file(file))
groups = list(library.QuantizationConfig.model_validate(stored).config_groups.values())
count = 0
largest = 0.0
for name in sorted(tensors):
    if not name.endswith(".weight_scale"):
        continue
    module = name.removesuffix(".weight_scale")
    parts = {key[len(module) + 1 :]: value for key, value in tensors.items() if key.rpartition(".")[0] == module}
    scheme = scheme_of(module, groups)
    if scheme is None:
        judge.fail(f"{module}: quantised, and no target matches it")
    form = scheme.format or stored["format"]
    compressor = compressors.BaseCompressor.get_value_from_registry(getattr(form, "value", form))
    weight = compressor.decompress(parts, scheme)["weight"].float()
    if not torch.isfinite(weight).all():
        judge.fail(f"{module}: not finite")
    wanted = by_formula(parts)
    if wanted is not None:
        largest = max(largest, ((weight - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30)).item())
    count += 1
if count == 0:
    judge.fail("no quantised weight")
if largest > 2**-8:
    judge.fail(f"{count} weights, largest difference of the formula's largest {largest:.3g}")
judge.ran(f"{count} weights, largest difference {largest:.3g} of the largest value")
