"""Loads the quantizer states of a vllm-fakequant export as ModelOpt's launcher does."""

import judge

(torch,) = judge.need("torch")


def verdict(directory):
    if not (directory / "vllm_fq_modelopt_state.pth").is_file():
        raise judge.Skipped("no vllm_fq_modelopt_state.pth there")
    state = torch.load(directory / "vllm_fq_modelopt_state.pth", weights_only=True, map_location="cpu")
    mode, content = state["modelopt_state_dict"][0]
    quantizers = content["metadata"]["quantizer_state"]
    weights = state["modelopt_state_weights"]
    flat = torch.load(directory / "quantizer_state.pth", weights_only=True, map_location="cpu")
    if mode != "quantize" or not isinstance(state["modelopt_version"], str):
        raise judge.Failed("the state is not one of quantize with a version")
    if not set(weights) <= set(quantizers):
        raise judge.Failed("amax of quantizers that have no state")
    for name, attributes in quantizers.items():
        buffers = attributes["_pytorch_state_metadata"]["buffers"]
        values = weights.get(name, {})
        if set(buffers) != set(values):
            raise judge.Failed(f"{name}: announces {sorted(buffers)}, has {sorted(values)}")
        for amax in values.values():
            if amax.dtype != torch.float32 or amax.shape != () or not (0 < amax.item() < float("inf")):
                raise judge.Failed(f"{name}: amax {amax}")
            if flat[name + "._amax"].item() != amax.item():
                raise judge.Failed(f"{name}: the two files differ")
    return f"{len(quantizers)} quantizers"


judge.judge(verdict)
