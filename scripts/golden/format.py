#!/usr/bin/env python3
"""Makes src/test/resources/golden/format/format.json: vectors for the number formats.

Two origins, named per entry:
  modelopt  bytes copied from ModelOpt's own exports of the tiny reference model
  refs      values copied from the reference data
  numpy     computed here, by a search over the code tables in float64, from the formulas of docs/NUMERICS.md

Usage: scripts/golden/format.py SHARED > src/test/resources/golden/format/format.json
Needs numpy; 2.4.6 was used. Float arrays are written as hexadecimal float32 bits, big end first; bytes as hexadecimal.
"""
import json
import struct
import sys

import numpy as np

F = np.float32
SHARED = sys.argv[1]


class Safetensors:
    def __init__(self, path):
        self.raw = np.memmap(path, dtype=np.uint8, mode="r")
        size = struct.unpack("<Q", bytes(self.raw[:8]))[0]
        self.header = json.loads(bytes(self.raw[8 : 8 + size]))
        self.base = 8 + size

    def __call__(self, name):
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        raw = bytes(self.raw[self.base + begin : self.base + end])
        shape = entry["shape"]
        if entry["dtype"] == "BF16":
            return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(F).reshape(shape)
        if entry["dtype"] == "F32":
            return np.frombuffer(raw, "<f4").reshape(shape)
        return np.frombuffer(raw, np.uint8).reshape(shape)


TABLES = json.load(open(SHARED + "/models/refs/codec_tables.json"))
E4M3 = np.array([np.nan if v is None else v for v in TABLES["e4m3fn"]], np.float64)
E2M1 = np.array(TABLES["e2m1"], np.float64)


def nearest(x, magnitudes):
    """Codes without sign of the nearest magnitudes; ties to the even code; saturating."""
    a = np.abs(np.asarray(x, np.float64))
    middle = (magnitudes[:-1] + magnitudes[1:]) / 2
    code = np.searchsorted(middle, a, "left")
    tie = (code < len(middle)) & (a == middle[np.minimum(code, len(middle) - 1)])
    return np.where(tie & (code % 2 == 1), code + 1, code)


def e4m3(x):
    return (nearest(x, E4M3[:127]) | np.where(np.signbit(x), 128, 0)).astype(np.uint8)


def e2m1(x):
    return (nearest(x, E2M1[:8]) | np.where(x < 0, 8, 0)).astype(np.uint8)


def e4m3_value(x):
    return E4M3[e4m3(x)].astype(F)


def e2m1_value(x):
    return E2M1[e2m1(x)].astype(F)


def e8m0(x):
    """Round up: the smallest power of two that is not below x."""
    out = np.zeros(np.shape(x), np.int64)
    for i, v in np.ndenumerate(x):
        code = 0
        while 2.0 ** (code - 127) < float(v) and code < 254:
            code += 1
        out[i] = code
    return out.astype(np.uint8)


def blocks(x, size):
    return x.reshape(x.shape[0], -1, size)


def fake_nvfp4_input(x, amax):
    gs = F(F(amax) / F(2688))
    b = blocks(x, 16)
    ba = np.abs(b).max(-1, keepdims=True)
    s = e4m3_value(np.minimum((ba / (F(6) * gs)).astype(F), F(448))) * gs
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(s == 0, F(0), e2m1_value(np.nan_to_num((b / s).astype(F))) * s).astype(F).reshape(x.shape)


def encode_nvfp4(x, amax):
    gs = F(F(amax) / F(2688))
    b = blocks(x, 16)
    ws = (np.abs(b).max(-1) / (F(6) * gs)).astype(F)
    ws = np.clip(np.where(ws == 0, F(1), ws), F(2.0**-9), F(448))
    scale = e4m3(ws)
    s = (E4M3[scale].astype(F) * gs)[:, :, None]
    code = e2m1((b / s).astype(F))
    return gs, scale, code.reshape(x.shape), (E2M1[code].astype(F) * s).astype(F).reshape(x.shape)


def encode_mx(x, largest, element, table):
    b = blocks(x, 32)
    scale = e8m0((np.abs(b).max(-1) / F(largest)).astype(F))
    s = np.ldexp(np.ones_like(scale, F), scale.astype(np.int32) - 127)[:, :, None].astype(np.float64)
    code = element((b / s).astype(F))
    return scale, code.reshape(x.shape), (table[code] * s).astype(F).reshape(x.shape)


def fake_fp8(x, amax):
    s = (np.asarray(amax, F) / F(448)).astype(F)
    return (e4m3_value(np.clip((x / s).astype(F), F(-448), F(448))) * s).astype(F)


def fake_fp8_block(x):
    y = np.empty_like(x)
    for top in range(0, x.shape[0], 128):
        for left in range(0, x.shape[1], 128):
            tile = x[top : top + 128, left : left + 128]
            y[top : top + 128, left : left + 128] = fake_fp8(tile, np.abs(tile).max())
    return y


def pack(codes):
    return (codes[:, 0::2] | (codes[:, 1::2] << 4)).astype(np.uint8)


def bits(x):
    return np.ascontiguousarray(x, F).astype(">f4").tobytes().hex()


def data(x):
    return np.ascontiguousarray(x, np.uint8).tobytes().hex()


def modelopt_nvfp4(source, module, rows):
    export = Safetensors(SHARED + "/conformance/golden/modelopt/nvfp4_experts_only-kv_fp8.float32/ckpt/model.safetensors")
    w = source(module + ".weight")
    return {
        "origin": "modelopt, " + module,
        "rows": rows,
        "columns": w.shape[1],
        "weights": bits(w[:rows]),
        "globalScale": bits(export(module + ".weight_scale_2")),
        "blockScales": data(export(module + ".weight_scale")[:rows]),
        "codes": data(export(module + ".weight")[:rows]),
    }


def modelopt_fp8(source, module, rows):
    single = Safetensors(
        SHARED + "/conformance/golden/modelopt/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt/model.safetensors"
    )
    double = Safetensors(SHARED + "/conformance/golden/modelopt/fp8_default-kv_fp8.bfloat16/ckpt/model.safetensors")
    w = source(module + ".weight")
    return {
        "origin": "modelopt, " + module + "; codesBf16Load are the bytes of the model loaded in BF16",
        "rows": rows,
        "columns": w.shape[1],
        "weights": bits(w[:rows]),
        "amax": bits(np.abs(w).max()),
        "scale": bits(single(module + ".weight_scale")),
        "codes": data(single(module + ".weight")[:rows]),
        "codesBf16Load": data(double(module + ".weight")[:rows]),
    }


def fp8_block_case(name):
    refs = Safetensors(SHARED + "/models/refs/fp8_block_cases.safetensors")
    weight = refs(name + ".weight")
    return {
        "origin": "refs, fp8_block_cases " + name,
        "rows": weight.shape[0],
        "columns": weight.shape[1],
        "codes": data(weight),
        "scales": bits(refs(name + ".weight_scale_inv")),
        "values": bits(refs(name + ".dequant")),
    }


def fake():
    random = np.random.default_rng(20260821)
    x = (random.standard_normal((6, 160)) * np.exp(random.uniform(-12, 3, (6, 160)))).astype(F)
    x[0, 16:32] = 0
    x[1, 32:48] *= F(1e-7)
    x[2, :] = 0
    x[3, 0:7] = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0]
    x[4, 5] = -0.0
    amax = F(np.abs(x).max() / 3)  # some values clip
    scale8, code8, value8 = encode_mx(x, 448, e4m3, E4M3)
    scale4, code4, value4 = encode_mx(x, 6, e2m1, E2M1)
    own = np.abs(x).max()
    gs, scales, codes, values = encode_nvfp4(x, own)
    per_row = np.abs(x).max(1, keepdims=True)
    per_row = np.where(per_row == 0, F(448), per_row)
    return {
        "origin": "numpy",
        "rows": 6,
        "columns": 160,
        "x": bits(x),
        "amax": bits(amax),
        "weightAmax": bits(own),
        "NVFP4": bits(fake_nvfp4_input(x, amax)),
        "FP8": bits(fake_fp8(x, amax)),
        "FP8_DYNAMIC_TOKEN": bits(fake_fp8(x, per_row)),
        "FP8_BLOCK": bits(fake_fp8_block(x)),
        "MXFP4": bits(value4),
        "mxfp4Codes": data(pack(code4)),
        "mxfp4Scales": data(scale4),
        "MXFP8": bits(value8),
        "mxfp8Codes": data(code8),
        "mxfp8Scales": data(scale8),
        "nvfp4Weight": bits(values),
        "nvfp4GlobalScale": bits(gs),
        "nvfp4BlockScales": data(scales),
        "nvfp4Codes": data(pack(codes)),
    }


def main():
    source = Safetensors(SHARED + "/models/tiny-qwen3-moe-bf16/model.safetensors")
    out = {
        "about": "made by scripts/golden/format.py; numpy %s; ModelOpt commit a2fbac7b; seed 20260821" % np.__version__,
        "e4m3": bits(E4M3.astype(F)),
        "e2m1": bits(E2M1.astype(F)),
        "modeloptNvfp4": [
            modelopt_nvfp4(source, "model.layers.1.mlp.experts.3.down_proj", 12),
            modelopt_nvfp4(source, "model.layers.2.mlp.experts.11.up_proj", 8),
        ],
        "modeloptFp8": [
            modelopt_fp8(source, "model.layers.1.self_attn.k_proj", 8),
            modelopt_fp8(source, "model.layers.3.self_attn.o_proj", 8),
        ],
        "fp8Block": [fp8_block_case("thin1x129"), fp8_block_case("row130x1")],
        "fake": fake(),
    }
    json.dump(out, sys.stdout, indent=1)
    print()


main()
