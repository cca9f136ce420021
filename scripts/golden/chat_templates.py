#!/usr/bin/env python3
"""What transformers' `apply_chat_template` makes of the templates in src/test/resources/chat, for `TemplateGoldenTest`.

Made with transformers 5.18.0, Jinja2 3.1. The date is the 14th of March 2026, at midnight.

    chat_templates.py src/test/resources/chat      writes expected.json there
"""

import datetime as clock
import json
import pathlib
import sys

from transformers.utils import chat_template_utils


class Fixed(clock.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 3, 14)


chat_template_utils.datetime = Fixed

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Says what the weather is, in \"plain\" words.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town, e.g. Zürich"},
                "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
                "days": {"type": "array", "items": {"type": "integer"}, "nullable": True},
                "detail": {
                    "type": "object",
                    "properties": {"wind": {"type": "boolean"}, "rain": {"type": ["number", "null"]}},
                    "required": ["wind"],
                },
                "either": {"oneOf": [{"type": "string", "description": "a name"}, {"type": "number"}], "default": "x"},
            },
            "required": ["place"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "The time.", "parameters": {}}}


def call(name, arguments, id="abc123def"):
    return {"type": "function", "id": id, "function": {"name": name, "arguments": arguments}}


PLAIN = [
    {"role": "user", "content": "  What is 2 + 2?\n"},
    {"role": "assistant", "content": "4 <b>&</b> 'five' \"six\"\n"},
    {"role": "user", "content": "Ünïcode 😀\u2028 and\ttabs?"},
    {"role": "assistant", "content": " Yes. "},
]
SYSTEM = [{"role": "system", "content": "Be brief.\n"}] + PLAIN
THOUGHT = [
    {"role": "user", "content": "Think."},
    {"role": "assistant", "content": "<think>\nfirst I\nthink\n</think>\n\nDone."},
    {"role": "user", "content": "Again."},
    {"role": "assistant", "reasoning_content": "\nhm\n", "thinking": "hm", "content": "Done again."},
]
TOOLS = [
    {"role": "system", "content": "Use tools."},
    {"role": "user", "content": "Weather in Bern and Basel?"},
    {"role": "assistant", "content": None, "tool_calls": [call("weather", {"place": "Bern", "days": [1, 2], "wind": 1.5, "ok": True, "n": None})]},
    {"role": "tool", "content": "{\"rain\": false}"},
    {"role": "assistant", "content": "It is dry."},
]
SEVERAL = [
    {"role": "user", "content": "Both."},
    {"role": "assistant", "content": "I look.", "tool_calls": [call("weather", {"place": "Bern"}), call("clock", {})]},
    {"role": "tool", "content": "rain"},
    {"role": "tool", "content": "noon"},
    {"role": "assistant", "content": "Rain at noon."},
    {"role": "user", "content": "Thanks."},
]
PARTS = [
    {"role": "system", "content": [{"type": "text", "text": "Look."}]},
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " What is it? "}]},
    {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
]
WRONG = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
ORPHAN = [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]

CASES = {
    "plain": {"messages": PLAIN},
    "plain_prompt": {"messages": PLAIN[:3], "add_generation_prompt": True},
    "system": {"messages": SYSTEM},
    "thought": {"messages": THOUGHT},
    "thought_off": {"messages": THOUGHT[:3], "add_generation_prompt": True, "enable_thinking": False},
    "tools": {"messages": TOOLS, "tools": [WEATHER, CLOCK]},
    "tools_apart": {"messages": TOOLS, "tools": [WEATHER], "tools_in_user_message": False},
    "several": {"messages": SEVERAL, "tools": [CLOCK, WEATHER], "add_generation_prompt": True},
    "parts": {"messages": PARTS},
    "wrong": {"messages": WRONG},
    "orphan": {"messages": ORPHAN},
}


def main(folder):
    expected = {}
    for file in sorted(folder.glob("*.jinja")):
        # Exactly the bytes: a template's last line end is Jinja's to remove.
        template = file.read_bytes().decode("utf-8")
        for name, case in CASES.items():
            variables = {"bos_token": "<bos>", "eos_token": "<eos>", **case}
            try:
                (text,), _ = chat_template_utils.render_jinja_template(
                    [variables.pop("messages")], chat_template=template, **variables)
                expected[f"{file.stem}/{name}"] = {"text": text}
            except Exception as e:  # what a template refuses, and what Python does
                expected[f"{file.stem}/{name}"] = {"error": type(e).__name__, "message": str(e)}
    cases = {"cases": CASES, "expected": expected}
    (folder / "expected.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main(pathlib.Path(sys.argv[1]))
