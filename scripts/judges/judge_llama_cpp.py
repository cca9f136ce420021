"""Asks llama.cpp's converter, as a process of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import judge

judge.need("torch", "gguf")
checkout = os.environ.get("LLAMA_CPP", "")
converter = Path(checkout) / "convert_hf_to_gguf.py"
if not checkout or not converter.is_file():
    judge.not_installed("LLAMA_CPP names no checkout with convert_hf_to_gguf.py")


def verdict(directory):
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) / "model.gguf"
        made = subprocess.run(
            [sys.executable, str(converter), str(directory), "--outfile", str(target)],
            capture_output=True,
            text=True,
            timeout=1800,
        )
        if made.returncode != 0 or not target.is_file():
            raise judge.Failed((made.stderr.strip().splitlines() or ["no message"])[-1])
        return f"{target.stat().st_size} bytes of GGUF"


judge.judge(verdict)
