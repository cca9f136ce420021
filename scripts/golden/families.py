#!/usr/bin/env python3
"""What transformers computes on tiny checkpoints of the model families, for `DeclaredFamiliesTest` and its kin.

Made with transformers 5.18.0, torch 2.13 (CPU, float32, eager attention, experts by themselves).

    families.py OUT [CASE ...]          writes OUT/CASE/config.json and OUT/CASE/reference.json

Weights are no files: each tensor is generated from its name, `GeneratedCheckpoint` in the tests does the same. Value `i`
of tensor `name` is

    h = FNV-1a 64 of "seed/name";  z = splitmix64's finaliser of h + (i + 1) * 0x9E3779B97F4A7C15
    u = (z >> 40) * 2^-23 - 1      in [-1, 1), exact in float32
    v = middle + spread * u        in float32, cut to the upper 16 bits (BF16)

`reference.json` names each tensor with shape, middle and spread; token ids; logits; at each linear layer, router and
expert the largest input and the tokens that reached it. A case that ends in `-odd` has odd settings, one in
`-saved` lies as the library saves it. The library fuses experts in memory, so theirs are worked out
here, expert by expert. Names are those of the published checkpoints, as `save_pretrained` writes them, or as RENAMES says.
"""

import base64
import json
import pathlib
import re
import shutil
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file

VOCABULARY = 64
MASK = (1 << 64) - 1


def values(seed, name, count, middle, spread):
    h = 0xCBF29CE484222325
    for byte in f"{seed}/{name}".encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    v = np.float32(middle) + np.float32(spread) * u
    return (v.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def scale(name, shape, case):
    """Returns the middle and the spread of a tensor."""
    if "visual" in name or "audio_tower" in name or "vision" in name:
        return 0, 0.125
    for pattern, pair in case.get("scales", {}).items():
        if re.search(pattern, name):
            return pair
    if name.endswith("correction_bias"):
        return 0, 0.25
    if name.endswith("A_log"):
        return 0.5, 0.5
    if name.endswith("dt_bias"):
        return 0, 1
    if len(shape) == 1:
        return (0, 0.25) if name.endswith("bias") else (1, 0.25)
    if "embed_tokens" in name:
        return 0, 1
    inputs = shape[-1]
    if len(shape) == 3 and not "conv" in name:
        inputs = shape[case.get("stack_inputs", 2)]
    return 0, float(np.float32(2 / inputs**0.5))


def text_of(config):
    for key in ("text_config", "llm_config", "thinker_config"):
        if key in config:
            return text_of(config[key])
    return config


class Seen:
    """The largest input and the tokens at each module."""

    def __init__(self):
        self.amax, self.tokens = {}, {}

    def see(self, name, x):
        rows = x.reshape(-1, x.shape[-1])
        self.tokens[name] = self.tokens.get(name, 0) + rows.shape[0]
        if rows.numel():
            self.amax[name] = max(self.amax.get(name, 0.0), float(rows.abs().max()))


def watch(model, case, seen, published):
    ours = lambda name: name.startswith(case.get("text", "model.")) or name == "lm_head"
    leaves = case.get("experts", ("gate_proj", "up_proj", "down_proj"))
    for name, module in model.named_modules():
        if not ours(name) or "indexer" in name:  # which is not calibrated
            continue
        kind = type(module).__name__
        if isinstance(module, torch.nn.Linear) or re.search("Router", kind) and hasattr(module, "weight"):
            known = published(name)
            module.register_forward_pre_hook(lambda m, a, known=known: seen.see(known, a[0]))
        if kind.endswith("Experts"):
            inner = module.forward

            def forward(x, index, weights, module=module, inner=inner, known=published(name)):
                for e in range(module.gate_up_proj.shape[0]):
                    rows = x[(index == e).any(-1)]
                    gate, up = torch.nn.functional.linear(rows, module.gate_up_proj[e]).chunk(2, -1)
                    hidden = module.act_fn(gate) * up
                    for leaf, value in zip(leaves, (rows, rows, hidden)):
                        seen.see(f"{known}.{e}.{leaf}", value)
                return inner(x, index, weights)

            module.forward = forward


def make(name, case, out):
    torch.manual_seed(0)
    config_class = getattr(transformers, case["config"])
    model_class = getattr(transformers, case["model"])
    config = config_class(**json.loads(json.dumps(case["values"])))
    config._attn_implementation = "eager"
    model = model_class(config).float()
    folder = pathlib.Path(tempfile.mkdtemp())
    model.save_pretrained(folder)
    with safe_open(folder / "model.safetensors", "np") as file:
        shapes = {key: file.get_slice(key).get_shape() for key in sorted(file.keys())}
    for key, shape in shapes.items():  # which the library saves otherwise than they are published
        if re.search(case.get("transposed", "^$"), key):
            shapes[key] = shape[:-2] + shape[:-3:-1]
    seed = case.get("seed", 1)
    tensors, made = {}, {}
    prefix = case.get("prefix", "")
    for key, shape in shapes.items():
        middle, spread = scale(key, shape, case)
        tensors[prefix + key] = [shape, middle, spread]
        made[key] = values(seed, prefix + key, int(np.prod(shape)), middle, spread).reshape(shape)
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
    loaded, info = model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    loaded.eval()

    def published(module):
        for pattern, replacement in case.get("renames", {}).items():
            module = re.sub(pattern, replacement, module)
        return prefix + module

    seen = Seen()
    watch(loaded, case, seen, published)
    rng = np.random.default_rng(seed)
    prompts = [rng.integers(0, VOCABULARY, n).tolist() for n in case.get("lengths", (11, 5))]
    logits = []
    with torch.no_grad():
        for ids in prompts:
            logits.append(loaded(input_ids=torch.tensor([ids]), use_cache=False).logits[0].numpy())
    target = out / name
    target.mkdir(parents=True, exist_ok=True)
    written = json.loads((folder / "config.json").read_text())
    for key in ("transformers_version", "architectures", "dtype"):
        written.pop(key, None)
    written = case.get("config_json", lambda c: c)(written)
    (target / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    tensors.update({key: value for key, value in case.get("others", {}).items()})
    reference = {
        "made_by": f"scripts/golden/families.py, transformers {transformers.__version__}, torch {torch.__version__}",
        "seed": seed,
        "prompts": prompts,
        "logits": [base64.b64encode(l.astype("<f4").tobytes()).decode() for l in logits],
        "amax": {key: float(np.float32(value)) for key, value in sorted(seen.amax.items())},
        "tokens": dict(sorted(seen.tokens.items())),
        "tensors": tensors,
    }
    lines = json.dumps(reference, separators=(",", ":")).replace('],"', '],\n"').replace(',"model', ',\n"model')
    (target / "reference.json").write_text(lines + "\n")
    shutil.rmtree(folder)
    print(f"{name}: {len(tensors)} tensors, logits up to {max(abs(l).max() for l in logits):.3g}, "
          f"{(target / 'reference.json').stat().st_size} bytes")


BASE = dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            rms_norm_eps=1e-6, hidden_act="silu", max_position_embeddings=512, bos_token_id=0, eos_token_id=1,
            pad_token_id=None)

VL_VISION = dict(depth=1, hidden_size=16, intermediate_size=16, num_heads=2, out_hidden_size=32,
                 deepstack_visual_indexes=[0], num_position_embeddings=16, patch_size=4, in_channels=3,
                 spatial_merge_size=2, temporal_patch_size=2)

QWEN3_VL = dict(BASE, head_dim=16, intermediate_size=64, moe_intermediate_size=48, num_experts=4, num_experts_per_tok=2,
                decoder_sparse_step=1, mlp_only_layers=[], attention_bias=False, tie_word_embeddings=False,
                rope_parameters=dict(rope_type="default", rope_theta=5e6, mrope_section=[3, 3, 2], mrope_interleaved=True))

GLM4V = dict(BASE, head_dim=16, intermediate_size=48, moe_intermediate_size=16, n_routed_experts=4, num_experts_per_tok=2,
             n_shared_experts=1, n_group=1, topk_group=1, first_k_dense_replace=1, routed_scaling_factor=1.5,
             norm_topk_prob=True, attention_bias=True, tie_word_embeddings=False,
             rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5,
                                  mrope_section=[2, 1, 1]))

GLM4V_VISION = dict(depth=1, hidden_size=16, intermediate_size=16, num_heads=2, out_hidden_size=32, patch_size=4,
                    image_size=16, spatial_merge_size=2, temporal_patch_size=2)

OMNI = dict(QWEN3_VL, norm_topk_prob=True, num_experts=4,
            rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[3, 3, 2], mrope_interleaved=True))
OMNI.pop("bos_token_id")
OMNI_AUDIO = dict(num_mel_bins=8, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16, d_model=16,
                  n_window=4, output_dim=32, downsample_hidden_size=4, max_source_positions=16)


def omni(config):
    """The published config holds the thinker, the talker and the speech decoder."""
    return dict(model_type="qwen3_omni_moe", enable_audio_output=True, thinker_config=config,
                talker_config=dict(model_type="qwen3_omni_moe_talker"))


CASES = {
    "qwen3_vl_moe": dict(config="Qwen3VLMoeConfig", model="Qwen3VLMoeForConditionalGeneration", stack_inputs=1, transposed="experts",
                         text="model.language_model.", values=dict(text_config=QWEN3_VL, vision_config=VL_VISION)),
    "qwen3_vl_moe-odd": dict(config="Qwen3VLMoeConfig", model="Qwen3VLMoeForConditionalGeneration", stack_inputs=1, transposed="experts",
                             text="model.language_model.", seed=2,
                             values=dict(tie_word_embeddings=True, vision_config=dict(VL_VISION, out_hidden_size=24), text_config=dict(
                                 QWEN3_VL, hidden_size=24, num_experts=1, num_experts_per_tok=1, moe_intermediate_size=20,
                                 mlp_only_layers=[0], attention_bias=True, tie_word_embeddings=True))),
    "qwen3_vl_moe-saved": dict(config="Qwen3VLMoeConfig", model="Qwen3VLMoeForConditionalGeneration", seed=3,
                               text="model.language_model.", values=dict(text_config=QWEN3_VL, vision_config=VL_VISION)),
    "qwen3_omni_moe": dict(config="Qwen3OmniMoeThinkerConfig", model="Qwen3OmniMoeThinkerForConditionalGeneration",
                           prefix="thinker.", config_json=omni,
                           others={"talker.model.codec_embedding.weight": [[4, 8], 0, 1], "code2wav.x.weight": [[4], 0, 1]},
                           values=dict(text_config=OMNI, vision_config=VL_VISION, audio_config=OMNI_AUDIO)),
    "qwen3_omni_moe-odd": dict(config="Qwen3OmniMoeThinkerConfig", model="Qwen3OmniMoeThinkerForConditionalGeneration",
                               prefix="thinker.", config_json=omni, seed=2,
                               values=dict(vision_config=dict(VL_VISION, out_hidden_size=24), audio_config=dict(OMNI_AUDIO, output_dim=24),
                                           text_config=dict(OMNI, hidden_size=24, num_experts=3, num_experts_per_tok=3,
                                                            moe_intermediate_size=20, norm_topk_prob=False,
                                                            mlp_only_layers=[1], attention_bias=True))),
    "glm4v_moe": dict(config="Glm4vMoeConfig", model="Glm4vMoeForConditionalGeneration", text="model.language_model.",
                      values=dict(text_config=GLM4V, vision_config=GLM4V_VISION)),
    "glm4v_moe-odd": dict(config="Glm4vMoeConfig", model="Glm4vMoeForConditionalGeneration", text="model.language_model.",
                          seed=2, values=dict(vision_config=dict(GLM4V_VISION, out_hidden_size=24), tie_word_embeddings=True,
                                              text_config=dict(GLM4V, hidden_size=24, n_routed_experts=6, n_group=3, topk_group=2,
                                                               num_experts_per_tok=4, n_shared_experts=2, norm_topk_prob=False,
                                                               first_k_dense_replace=0, attention_bias=False,
                                                               moe_intermediate_size=20, tie_word_embeddings=True))),
}

LITE = dict(BASE, num_key_value_heads=4, intermediate_size=64, moe_intermediate_size=16, n_routed_experts=4,
            num_experts_per_tok=2, n_shared_experts=1, n_group=1, topk_group=1, routed_scaling_factor=1.8,
            norm_topk_prob=True, kv_lora_rank=16, q_lora_rank=24, qk_rope_head_dim=8, v_head_dim=16, qk_nope_head_dim=8,
            attention_bias=False, tie_word_embeddings=False, mlp_layer_types=["dense", "sparse"],
            rope_parameters=dict(rope_type="default", rope_theta=1e6))

MINIMAX = dict(BASE, head_dim=16, intermediate_size=16, num_local_experts=4, num_experts_per_tok=2,
               tie_word_embeddings=False, rotary_dim=8,
               rope_parameters=dict(rope_type="default", rope_theta=5e6, partial_rotary_factor=0.5))
MINIMAX_NAMES = {r"\.mlp\b": ".block_sparse_moe"}

QWEN2 = dict(BASE, intermediate_size=64, moe_intermediate_size=16, shared_expert_intermediate_size=32, num_experts=4,
             num_experts_per_tok=2, decoder_sparse_step=1, norm_topk_prob=False, tie_word_embeddings=False,
             mlp_only_layers=[], rope_parameters=dict(rope_type="default", rope_theta=1e6))

DOTS = dict(BASE, head_dim=16, intermediate_size=64, moe_intermediate_size=16, n_routed_experts=4, num_experts_per_tok=2,
            n_shared_experts=1, n_group=1, topk_group=1, routed_scaling_factor=2.5, norm_topk_prob=True,
            first_k_dense_replace=1, attention_bias=False, tie_word_embeddings=False, sliding_window=None,
            rope_parameters=dict(rope_type="default", rope_theta=1e7))

ERNIE = dict(BASE, head_dim=16, intermediate_size=64, moe_intermediate_size=16, moe_num_experts=4, moe_k=2,
             moe_num_shared_experts=2, moe_layer_start_index=1, moe_layer_end_index=-1, moe_layer_interval=1,
             use_bias=False, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=5e5))

HUNYUAN = dict(BASE, head_dim=16, intermediate_size=16, num_experts=4, moe_topk=2, attention_bias=False,
               tie_word_embeddings=True,
               rope_parameters=dict(rope_type="dynamic", rope_theta=1e4, alpha=1000.0, factor=1.0))

NEXT = dict(BASE, num_hidden_layers=4, head_dim=16, intermediate_size=64, moe_intermediate_size=16,
            shared_expert_intermediate_size=16, num_experts=4, num_experts_per_tok=2, norm_topk_prob=True,
            decoder_sparse_step=1, mlp_only_layers=[], linear_conv_kernel_dim=4, linear_key_head_dim=8,
            linear_value_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4, tie_word_embeddings=False,
            rope_parameters=dict(rope_type="default", rope_theta=1e7, partial_rotary_factor=0.25))
NEXT_SCALES = {r"linear_attn\.norm": (1, 0.25), r"norm\.weight$": (0, 0.25), r"conv1d": (0, 0.5)}

DSA = dict(LITE, n_group=1, index_topk=64, index_head_dim=16, index_n_heads=2)

CASES |= {
    "glm4_moe_lite": dict(config="Glm4MoeLiteConfig", model="Glm4MoeLiteForCausalLM", values=LITE),
    "glm4_moe_lite-odd": dict(config="Glm4MoeLiteConfig", model="Glm4MoeLiteForCausalLM", seed=2, values=dict(
        LITE, hidden_size=24, n_routed_experts=6, n_group=3, topk_group=2, num_experts_per_tok=4, n_shared_experts=2,
        norm_topk_prob=False, q_lora_rank=None, attention_bias=True, tie_word_embeddings=True, v_head_dim=12,
        mlp_layer_types=["sparse", "dense"], rope_interleave=False)),
    "minimax_m2": dict(config="MiniMaxM2Config", model="MiniMaxM2ForCausalLM", renames=MINIMAX_NAMES,
                       experts=("w1", "w3", "w2"), values=MINIMAX),
    "minimax_m2-odd": dict(config="MiniMaxM2Config", model="MiniMaxM2ForCausalLM", renames=MINIMAX_NAMES, seed=2,
                           experts=("w1", "w3", "w2"), values=dict(
        MINIMAX, hidden_size=24, num_local_experts=3, num_experts_per_tok=3, intermediate_size=20, tie_word_embeddings=True)),
    "qwen2_moe": dict(config="Qwen2MoeConfig", model="Qwen2MoeForCausalLM", values=QWEN2),
    "qwen2_moe-odd": dict(config="Qwen2MoeConfig", model="Qwen2MoeForCausalLM", seed=2, values=dict(
        QWEN2, hidden_size=24, num_experts=1, num_experts_per_tok=1, moe_intermediate_size=20, qkv_bias=False,
        norm_topk_prob=True, decoder_sparse_step=2, tie_word_embeddings=True)),
    "dots1": dict(config="Dots1Config", model="Dots1ForCausalLM", values=DOTS),
    "dots1-odd": dict(config="Dots1Config", model="Dots1ForCausalLM", seed=2, values=dict(
        DOTS, hidden_size=24, n_routed_experts=6, n_group=2, topk_group=1, num_experts_per_tok=3, n_shared_experts=2,
        norm_topk_prob=False, first_k_dense_replace=0, attention_bias=True, tie_word_embeddings=True)),
    "ernie4_5_moe": dict(config="Ernie4_5_MoeConfig", model="Ernie4_5_MoeForCausalLM", values=ERNIE),
    "ernie4_5_moe-odd": dict(config="Ernie4_5_MoeConfig", model="Ernie4_5_MoeForCausalLM", seed=2, values=dict(
        ERNIE, hidden_size=24, num_hidden_layers=4, moe_num_experts=3, moe_k=3, moe_num_shared_experts=0,
        moe_layer_start_index=0, moe_layer_end_index=2, moe_layer_interval=2, tie_word_embeddings=False)),
    "hunyuan_v1_moe": dict(config="HunYuanMoEV1Config", model="HunYuanMoEV1ForCausalLM", values=HUNYUAN),
    "hunyuan_v1_moe-odd": dict(config="HunYuanMoEV1Config", model="HunYuanMoEV1ForCausalLM", seed=2, values=dict(
        HUNYUAN, hidden_size=24, num_experts=1, moe_topk=1, intermediate_size=20, attention_bias=True,
        tie_word_embeddings=False, rope_parameters=dict(rope_type="default", rope_theta=1e4))),
    "qwen3_next": dict(config="Qwen3NextConfig", model="Qwen3NextForCausalLM", scales=NEXT_SCALES, lengths=(70, 5),
                       values=NEXT),
    "qwen3_next-odd": dict(config="Qwen3NextConfig", model="Qwen3NextForCausalLM", scales=NEXT_SCALES, seed=2, values=dict(
        NEXT, hidden_size=24, num_experts=3, num_experts_per_tok=3, moe_intermediate_size=20, norm_topk_prob=False,
        linear_num_value_heads=2, linear_value_head_dim=12, num_hidden_layers=3, mlp_only_layers=[1],
        layer_types=["full_attention", "linear_attention", "linear_attention"], attention_bias=True,
        tie_word_embeddings=True)),
    "deepseek_v32": dict(config="DeepseekV32Config", model="DeepseekV32ForCausalLM", values=dict(
        DSA, first_k_dense_replace=1)),
    "deepseek_v32-odd": dict(config="DeepseekV32Config", model="DeepseekV32ForCausalLM", seed=2, values=dict(
        DSA, hidden_size=24, n_routed_experts=6, n_group=3, topk_group=2, num_experts_per_tok=4, n_shared_experts=2,
        mlp_layer_types=["sparse", "dense"], attention_bias=True, tie_word_embeddings=True, v_head_dim=12, index_topk=11,
        rope_parameters=dict(rope_type="yarn", rope_theta=1e4, factor=4.0, mscale=1.0, mscale_all_dim=1.0,
                             original_max_position_embeddings=128, beta_fast=32.0, beta_slow=1.0))),
    "glm_moe_dsa": dict(config="GlmMoeDsaConfig", model="GlmMoeDsaForCausalLM", values=DSA),
    "glm_moe_dsa-odd": dict(config="GlmMoeDsaConfig", model="GlmMoeDsaForCausalLM", seed=2, values=dict(
        DSA, hidden_size=24, num_hidden_layers=3, n_routed_experts=2, num_experts_per_tok=2, n_shared_experts=2,
        norm_topk_prob=True, attention_bias=True, tie_word_embeddings=True, index_topk=11,
        mlp_layer_types=["sparse", "dense", "sparse"], indexer_types=["full", "shared", "full"])),
}

MISTRAL = dict(LITE, num_key_value_heads=4, first_k_dense_replace=0, routed_scaling_factor=1.0, rope_parameters=dict(
    rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=64, max_position_embeddings=512,
    beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1))
MISTRAL.pop("mlp_layer_types")

SOLAR = dict(BASE, head_dim=16, moe_intermediate_size=16, n_routed_experts=4, num_experts_per_tok=2, n_shared_experts=1,
             n_group=1, topk_group=1, routed_scaling_factor=1.5, norm_topk_prob=True, attention_bias=False,
             tie_word_embeddings=False, rope_parameters=dict(rope_type="default", rope_theta=1e6))

CASES |= {
    "mistral4": dict(config="Mistral4Config", model="Mistral4ForCausalLM", values=MISTRAL),
    "mistral4-odd": dict(config="Mistral4Config", model="Mistral4ForCausalLM", seed=2, lengths=(64, 3), values=dict(
        MISTRAL, hidden_size=24, n_routed_experts=3, num_experts_per_tok=3, n_shared_experts=2, first_k_dense_replace=1,
        norm_topk_prob=False, q_lora_rank=None, attention_bias=True, tie_word_embeddings=True, v_head_dim=12)),
    "solar_open": dict(config="SolarOpenConfig", model="SolarOpenForCausalLM", values=SOLAR),
    "solar_open-odd": dict(config="SolarOpenConfig", model="SolarOpenForCausalLM", seed=2, values=dict(
        SOLAR, hidden_size=24, n_routed_experts=6, n_group=3, topk_group=2, num_experts_per_tok=4, n_shared_experts=2,
        norm_topk_prob=False, attention_bias=True, tie_word_embeddings=True)),
}


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or CASES:
        make(name, CASES[name], out)
