"""Loads the quantizer states of a vllm-fakequant export as ModelOpt's launcher does."""

import judge

(torch,) = judge.need("torch")
directory = judge.directory()
if directory is None:
    judge.ran("could run")
    raise SystemExit(0)

STATE = directory / "vllm_fq_modelopt_state.pth"
AMAX = directory / "quantizer_state.pth"
if not STATE.is_file():
    judge.skip("no vllm_fq_modelopt_state.pth there")

state = torch.load(STATE, weights_only=True, map_location="cpu")
mode, content = state["modelopt_state_dict"][0]
quantizers = content["metadata"]["quantizer_state"]
weights = state["modelopt_state_weights"]
flat = torch.load(AMAX, weights_only=True, map_location="cpu")
if mode != "quantize" or not isinstance(state["modelopt_version"], str):
    judge.fail("the state is not one of quantize with a version")
if set(quantizers) != set(weights):
    judge.fail("states and amax name different quantizers")
for name, attributes in quantizers.items():
    buffers = attributes["_pytorch_state_metadata"]["buffers"]
    if set(buffers) != set(weights[name]):
        judge.fail(f"{name}: announces {sorted(buffers)}, has {sorted(weights[name])}")
    for amax in weights[name].values():
        if amax.dtype != torch.float32 or amax.shape != () or not (0 < amax.item() < float("inf")):
            judge.fail(f"{name}: amax {amax}")
        if flat[name + "._amax"].item() != amax.item():
            judge.fail(f"{name}: the two files differ")
judge.ran(f"{len(quantizers)} quantizers")
