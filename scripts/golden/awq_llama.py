# What NVIDIA Model-Optimizer's AWQ lite writes for a small dense Llama with values of its own for each head: factors in norms
# and in the rows of the layer before. Tool: Model-Optimizer a2fbac7b (0.47.0.dev0), torch 2.13, transformers 5.18, CPU, float32.
# Its NVFP4 fake quantization is a CUDA kernel and is emulated here; scales, factors and bytes are its own code's.
#
#   python scripts/golden/awq_llama.py src/test/resources/golden/awq-llama
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

import modelopt.torch.quantization as mtq
import modelopt.torch.quantization.tensor_quant as tensor_quant
from modelopt.torch.export import export_hf_checkpoint

LEVELS = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
EDGES = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])


def nvfp4(x, block, amax, *rest):
    rows = x.reshape(-1, block).float()
    scale = amax.float().max() / (6.0 * 448.0)
    largest = rows.abs().amax(1, keepdim=True)
    blocks = (largest / (6.0 * scale)).clamp(max=448).to(torch.float8_e4m3fn).float() * scale
    low = torch.bucketize((rows / blocks).abs(), EDGES)
    high = torch.bucketize((rows / blocks).abs(), EDGES, right=True)
    code = torch.where((low != high) & (low % 2 == 1), high, low)  # to the even neighbour
    return torch.nan_to_num(LEVELS[code] * rows.sign() * blocks).reshape(x.shape).to(x.dtype)


tensor_quant.dynamic_block_quantize_op = nvfp4
torch.set_num_threads(1)
torch.manual_seed(3)
out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
config = LlamaConfig(
    vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=2, head_dim=16, max_position_embeddings=128, tie_word_embeddings=False, dtype="float32")
model = LlamaForCausalLM(config).eval()
for name, value in model.named_parameters():
    if "norm" in name:
        value.data = 1 + 0.3 * torch.randn_like(value)
    else:
        value.data = torch.randn_like(value) * (0.5 if "embed" in name else 0.2)
        if value.dim() == 2 and "embed" not in name:
            value.data *= torch.exp(0.7 * torch.randn(value.shape[1]))  # channels differ
model.save_pretrained(out / "source")
data = [torch.randint(0, 96, (1, 24)) for _ in range(4)]
(out / "ids.jsonl").write_text("".join(json.dumps({"input_ids": ids[0].tolist()}) + "\n" for ids in data))
settings = mtq.NVFP4_AWQ_LITE_CFG
mtq.quantize(model, settings, lambda quantised: [quantised(ids) for ids in data])
factors = {
    name[: -len(".input_quantizer")]: module._pre_quant_scale.detach().clone()
    for name, module in model.named_modules()
    if name.endswith("input_quantizer") and hasattr(module, "_pre_quant_scale")}
save_file(factors, out / "factors.safetensors")
export_hf_checkpoint(model, dtype=torch.float32, export_dir=out / "export")
for leftover in list((out / "export").iterdir()) + list((out / "source").iterdir()):
    if leftover.name not in ("model.safetensors", "config.json", "hf_quant_config.json"):
        leftover.unlink()
print(sorted(load_file(out / "export/model.safetensors")))
