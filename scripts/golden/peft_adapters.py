"""Writes src/test/resources/golden/peft: adapters that PEFT made for reference checkpoints, and what it computed.

For each case a directory: `adapter_config.json` and `adapter_model.safetensors` as PEFT saved them (one directory for
each adapter of the case), `logits.safetensors` (`base.N`, `ADAPTER.N`: logits of prompt N), `amax.json` (the largest
input of each linear layer and expert over the model as it is and all adapters, under the checkpoint's own names).

Made with PEFT 0.21.0, transformers 5.18.0, torch 2.13.0 on CPU, in float32. What transformers 5.18 clamps in Mamba
mixers (dt from below) is released, as in the published model.

Usage: PYTHON scripts/golden/peft_adapters.py ../shared
"""

import json
import pathlib
import re
import shutil
import sys

import peft
import torch
import transformers
from safetensors.torch import save_file

PROMPTS = [[1, 7, 3, 99, 42, 8, 120, 5], [5, 5, 120]]
EXPERTS = ["experts.gate_up_proj", "experts.down_proj"]

# name: checkpoint, then each adapter's config
CASES = {
    "tiny-attention": ("models/tiny-qwen3-moe-bf16", dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
        rank_pattern={"layers.1.self_attn.q_proj": 2, r"layers\.[23]\.self_attn\.v_proj": 3},
        alpha_pattern={"o_proj": 9}, exclude_modules=["layers.0.self_attn.k_proj"])),
    "tiny-experts": ("models/tiny-qwen3-moe-bf16", dict(
        r=1, lora_alpha=3, target_modules=["q_proj"], target_parameters=EXPERTS, layers_to_transform=[0, 2])),
    "qwen3-moe": ("conformance/architectures/qwen3_moe", dict(
        r=2, lora_alpha=4, target_modules="all-linear", target_parameters=EXPERTS,
        rank_pattern={"mlp.experts.down_proj": 3}), dict(
        r=3, lora_alpha=2, target_modules=r".*layers\.[02]\.self_attn\.[qo]_proj")),
    "mixtral": ("conformance/architectures/mixtral", dict(
        r=2, lora_alpha=4, target_modules=["v_proj"], target_parameters=["mlp." + name for name in EXPERTS])),
    "gpt-oss": ("conformance/architectures/gpt_oss", dict(
        r=2, lora_alpha=2, target_modules=["q_proj", "o_proj"], target_parameters=EXPERTS)),
    "llama4": ("conformance/architectures/llama4_text", dict(
        r=2, lora_alpha=2, target_modules=["q_proj", "down_proj"],
        target_parameters=["feed_forward." + name for name in EXPERTS])),
    "deepseek-v3": ("conformance/architectures/deepseek_v3", dict(
        r=2, lora_alpha=5, target_modules="all-linear", target_parameters=EXPERTS[1:])),
    "nemotron-h": ("conformance/architectures/nemotron_h", dict(
        r=2, lora_alpha=2, target_modules=["in_proj", "q_proj", "up_proj", "down_proj"],
        target_parameters=["experts.up_proj"])),
    "qwen3.5-moe": ("conformance/architectures/qwen3_5_moe", dict(
        r=2, lora_alpha=2, target_modules="all-linear", target_parameters=EXPERTS)),
    "llama-head": ("conformance/architectures/llama", dict(
        r=2, lora_alpha=2, target_modules=["lm_head", "up_proj"], lora_dropout=0.1)),
}
ROOTS = {"nemotron_h": ("model.", "backbone."), "qwen3_5_moe": ("model.", "model.language_model."),
         "llama4_text": ("model.", "language_model.model.")}
MIXTRAL = {"gate": "w1", "up": "w3", "down": "w2"}


class Watch:
    """Keeps the largest value that each linear layer and each expert reads."""

    def __init__(self, model, family):
        self.family = family
        self.amax = {}
        self.group = None
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and ".lora_" not in name:
                name = name.removeprefix("base_model.model.").replace(".base_layer", "")
                module.register_forward_pre_hook(lambda _, given, name=name: self.see(name, given[0]))
            plain = re.fullmatch(r"base_model\.model\.(.*\.experts)(\.base_layer)*", name)
            if plain and not isinstance(module, peft.tuners.lora.layer.ParamWrapper):
                module.register_forward_pre_hook(lambda *_, name=plain[1]: self.enter(name))
                module.register_forward_hook(lambda *_: self.enter(None))
        self.linear = torch.nn.functional.linear
        torch.nn.functional.linear = self.product

    def enter(self, group):
        self.group = group

    def product(self, given, weight, bias=None):
        if self.group and weight.ndim == 2 and weight.untyped_storage().nbytes() > weight.nbytes:
            expert = weight.storage_offset() // weight.numel()
            second = self.inner == weight.shape[1]
            first = ["up"] if self.family == "nemotron_h" else ["gate", "up"]
            for part in ["down"] if second else first:
                leaf = MIXTRAL[part] if self.family == "mixtral" else part + "_proj"
                self.see(f"{self.group}.{expert}.{leaf}", given)
        return self.linear(given, weight, bias)

    def see(self, name, given):
        if given.numel():
            self.amax[name] = max(self.amax.get(name, 0.0), given.abs().max().item())

    def renamed(self):
        old, new = ROOTS.get(self.family, ("", ""))
        names = {}
        for name, amax in self.amax.items():
            name = new + name.removeprefix(old) if name.startswith(old) else name
            name = "language_model.lm_head" if name == "lm_head" and self.family == "llama4_text" else name
            names[name.replace(".mlp.experts.", ".block_sparse_moe.experts.") if self.family == "mixtral" else name] = amax
        return dict(sorted(names.items()))


def main(shared, out):
    shutil.rmtree(out, ignore_errors=True)
    for case, (checkpoint, *configs) in CASES.items():
        torch.manual_seed(5)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            shared / checkpoint, dtype=torch.float32, experts_implementation="eager")
        config = model.config.get_text_config()
        for module in model.modules():
            if hasattr(module, "time_step_limit"):
                module.time_step_limit = (0.0, float("inf"))
        names = ["one", "two"][: len(configs)]
        adapted = None
        for name, keys in zip(names, configs):
            lora = peft.LoraConfig(init_lora_weights=False, task_type="CAUSAL_LM", **keys)
            if adapted is None:
                adapted = peft.get_peft_model(model, lora, adapter_name=name)
            else:
                adapted.add_adapter(name, lora)
        adapted.eval()
        with torch.no_grad():  # so that it matters, whatever the fan-in
            for key, value in adapted.named_parameters():
                if ".lora_" in key:
                    value.copy_(torch.randn_like(value) * 0.2)
                    value.copy_(value.bfloat16().float())
        adapted.save_pretrained(out / case)
        watch = Watch(adapted, checkpoint.rpartition("/")[2])
        watch.inner = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
        logits = {}
        with torch.no_grad():
            for number, prompt in enumerate(PROMPTS):
                ids = torch.tensor([prompt])
                with adapted.disable_adapter():
                    logits[f"base.{number}"] = adapted(ids).logits[0]
                for name in names:
                    adapted.set_adapter(name)
                    logits[f"{name}.{number}"] = adapted(ids).logits[0]
        torch.nn.functional.linear = watch.linear
        save_file({key: value.contiguous() for key, value in logits.items()}, out / case / "logits.safetensors")
        (out / case / "amax.json").write_text(json.dumps(watch.renamed(), indent=0) + "\n")
        (out / case / "checkpoint").write_text(checkpoint + "\n")
        for readme in (out / case).rglob("README.md"):
            readme.unlink()
        print(case, len(watch.amax), {k: round((v - logits["base." + k[-1]]).abs().max().item(), 3) for k, v in logits.items()})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parents[2] / "src/test/resources/golden/peft")
