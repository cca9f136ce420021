"""Asks transformers' from_pretrained, and holds weights and logits against ours where these lie beside the directory."""

import json
import logging
import re

import judge

torch, transformers, safetensors = judge.need("torch", "transformers", "safetensors.torch")
logging.disable(logging.WARNING)
transformers.utils.logging.disable_progress_bar()

TOLERANCE = 2e-4
BF16 = 2.0**-8  # transformers keeps decompressed experts in BF16
SCALES = re.compile(r".*experts\.\d+\.\w+\.(input_scale|input_global_scale|weight_global_scale)$")
PUBLISHED = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}


def name_of(module):
    """A name without its root, experts named alike in all families."""
    module = re.sub(r"^.*?(layers\.\d+\.|lm_head)", r"\1", module).replace("block_sparse_moe", "mlp")
    return re.sub(r"\.(w[123])$", lambda leaf: "." + PUBLISHED[leaf[1]], module)


def groups(config):
    if config.get("quant_method") != "compressed-tensors":
        return []
    return [group for group in config.get("config_groups", {}).values() if isinstance(group, dict)]


def matrices(model, family):
    """Yields the name and the values of each linear layer, experts one by one as (outputs, inputs)."""
    for name, parameter in model.named_parameters():
        name, values = name_of(name), parameter.data
        stack = re.match(r"(.*experts)\.(gate_up_proj|up_proj|down_proj)$", name)
        if name.endswith(".weight"):
            yield name.removesuffix(".weight"), values
        elif stack and values.ndim == 3:
            leaves = ["gate_proj", "up_proj"] if stack[2] == "gate_up_proj" else [stack[2]]
            for expert, matrix in enumerate(values):
                matrix = matrix.t() if family.startswith(("gpt_oss", "llama4")) else matrix
                interleaved = family.startswith("gpt_oss") and len(leaves) == 2
                parts = [matrix[0::2], matrix[1::2]] if interleaved else matrix.chunk(len(leaves))
                for leaf, part in zip(leaves, parts):
                    yield f"{stack[1]}.{expert}.{leaf}", part


def put_ours(model, family, ours, misread):
    """Compares every weight with ours and puts ours in its place, so that no rounding to BF16 is left."""
    ours = {name_of(name): values for name, values in ours.items()}
    exact, seen = 0, set()
    for name, values in matrices(model, family):
        if name not in ours:
            continue
        seen.add(name)
        exact += torch.equal(values.float(), ours[name])
        if not (misread and ".experts." in name) and not torch.allclose(values.float(), ours[name], rtol=BF16, atol=0):
            raise judge.Failed(f"{name}: loaded with other values than ours")
        values.copy_(ours[name])
    left = set(ours) - seen - {"lm_head"}  # a tied one is the embedding
    if left:
        raise judge.Failed(f"{len(left)} of our modules are not there, such as {sorted(left)[0]}")
    return f"{exact} of {len(seen)} weights equal to ours" + (", experts without their global scale" if misread else "")


def load(directory, config):
    method = config.get("quantization_config", {}).get("quant_method", "none")
    options = {}
    if method == "compressed-tensors":
        options["quantization_config"] = transformers.CompressedTensorsConfig(dequantize=True)
    elif method == "fp8":
        options["quantization_config"] = transformers.FineGrainedFP8Config(dequantize=True)
    model, loaded = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, output_loading_info=True, **options
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        left = [key for key in map(str, loaded.get(kind) or []) if method == "none" or not SCALES.match(key)]
        if left:
            raise judge.Failed(f"{kind}: {len(left)}, such as {min(left)}")
    for module in model.modules():
        if hasattr(module, "time_step_limit"):  # 5.18 clamps what published models and servers do not
            module.time_step_limit = (0.0, float("inf"))
    return model.eval().float()


def switch_off(model):
    """Stops what compressed-tensors does while the model computes."""
    for module in model.modules():
        if hasattr(module, "quantization_scheme"):
            module.quantization_enabled = False
            if hasattr(module, "kv_cache"):
                module._forward_pre_hooks.clear()


def largest_difference(model, ids, file):
    ours = safetensors.load_file(file)
    with torch.no_grad():
        found = [model(torch.tensor([line])).logits[0] for line in ids]
    return max((logits - ours[f"logits.{i}"]).abs().max().item() for i, logits in enumerate(found))


def verdict(directory):
    config = json.loads((directory / "config.json").read_text())
    quantization = config.get("quantization_config", {})
    experts = "experts" in json.dumps([key for key in {**config, **config.get("text_config", {})} if "expert" in key])
    formats = {group.get("format") for group in groups(quantization)}
    if quantization.get("quant_method") == "modelopt":
        raise judge.Skipped("transformers has no quantizer for modelopt, and takes FP8 codes for weights without a word")
    if formats:
        judge.need("compressed_tensors")
    if experts and formats & {"int-quantized", "mxfp8-quantized"}:
        raise judge.Skipped("transformers 5.18 converts no INT8 and no MXFP8 experts")
    tiles = [group for group in groups(quantization) if (group.get("weights") or {}).get("strategy") == "block"]
    if experts and tiles:
        raise judge.Skipped("transformers 5.18 multiplies experts by their tiles' scales without spreading these")
    model = load(directory, config)
    said = [type(model).__name__]
    ours = judge.beside(directory, "weights")
    family = model.config.get_text_config().model_type
    if ours:
        said.append(put_ours(model, family, safetensors.load_file(ours), experts and "nvfp4-pack-quantized" in formats))
    lines = judge.beside(directory, "ids.jsonl")
    ids = [json.loads(line)["input_ids"] for line in lines.read_text().splitlines()] if lines else [[1, 2, 3, 4, 5]]
    inputs = [group.get("input_activations") or {} for group in groups(quantization)]
    # In servers the scale of INT8 inputs is amax / 127, in the library amax / 127.5.
    faked = any(inputs) and not experts and not any(each.get("type") == "int" and each.get("dynamic") for each in inputs)
    file = judge.beside(directory, "fakequant.logits")
    if file and faked and not any(each.get("group_size") == 128 for each in inputs):
        difference = largest_difference(model, ids, file)
        said.append(f"logits with quantised inputs differ by {difference:.2g}")
        if not difference < 10 * TOLERANCE:  # a value next to a tie of a coarse format
            raise judge.Failed(", ".join(said))
    switch_off(model)
    file = judge.beside(directory, "logits")
    if file:
        difference = largest_difference(model, ids, file)
        said.append(f"logits differ by {difference:.2g}")
        if not difference < TOLERANCE:
            raise judge.Failed(", ".join(said))
    else:
        with torch.no_grad():
            if not torch.isfinite(model(torch.tensor(ids[:1])).logits).all():
                raise judge.Failed("logits are not finite")
    return ", ".join(said)


judge.judge(verdict)
