"""Asks the compressed-tensors library to decompress every quantised weight, and holds that against our decoded ones."""

import json
import re

import judge

torch, safetensors, library, compressors = judge.need(
    "torch", "safetensors.torch", "compressed_tensors", "compressed_tensors.compressors.base"
)
BF16 = 2.0**-8  # half a step: the library decompresses some formats to BF16


def scheme_of(module, groups):
    """The group whose targets match, names and expressions before classes."""
    for group in groups:
        for target in group.targets:
            if target == module or (target.startswith("re:") and re.match(target[3:], module)):
                return group
    return next((group for group in groups if "Linear" in group.targets), None)


def is_ignored(module, ignored):
    return any(entry == module or (entry.startswith("re:") and re.match(entry[3:], module)) for entry in ignored)


def verdict(directory):
    stored = json.loads((directory / "config.json").read_text()).get("quantization_config", {})
    if stored.get("quant_method") != "compressed-tensors":
        raise judge.Skipped("no compressed-tensors config there")
    tensors = {}
    for file in sorted(directory.glob("*.safetensors")):
        tensors.update(safetensors.load_file(file))
    config = library.QuantizationConfig.model_validate(stored)
    groups = list(config.config_groups.values())
    ours = judge.beside(directory, "weights")
    ours = safetensors.load_file(ours) if ours else {}
    count, exact, compared = 0, 0, 0
    for name in sorted(tensors):
        if not name.endswith(".weight_scale"):
            continue
        module = name.removesuffix(".weight_scale")
        parts = {key[len(module) + 1 :]: value for key, value in tensors.items() if key.rpartition(".")[0] == module}
        scheme = scheme_of(module, groups)
        if scheme is None or is_ignored(module, config.ignore):
            raise judge.Failed(f"{module}: quantised, and no target takes it")
        form = scheme.format or stored["format"]
        compressor = compressors.BaseCompressor.get_value_from_registry(getattr(form, "value", form))
        weight = compressor.decompress(parts, scheme)["weight"]
        if not torch.isfinite(weight).all():
            raise judge.Failed(f"{module}: not finite")
        count += 1
        if not ours:
            continue
        compared += 1
        wanted = ours[module]
        exact += torch.equal(weight.float(), wanted)
        if not torch.allclose(weight.float(), wanted, rtol=BF16 if weight.dtype == torch.bfloat16 else 1e-6, atol=0):
            raise judge.Failed(f"{module}: decompressed to other values than ours")
    if count == 0:
        raise judge.Failed("no quantised weight")
    return f"{count} weights" + (f", {exact} of {compared} equal to ours, the others but for BF16" if ours else "")


judge.judge(verdict)
