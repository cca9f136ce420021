"""What the judges share: how a verdict is told, and what to do where a consumer is not installed."""

import importlib
import sys
from pathlib import Path

SKIPPED = 77
FAILED = 1


class Skipped(Exception):
    """The directory is none for this judge."""


class Failed(Exception):
    """What the consumer makes of the directory is wrong."""


def need(*modules):
    """Imports the modules and returns them; ends the program, naming what is missing, if one is not there."""
    found = []
    for name in modules:
        try:
            found.append(importlib.import_module(name))
        except ImportError as error:
            not_installed(error.name or name)
    return found


def not_installed(what):
    """Ends the program with a line for each directory, or one."""
    for directory in sys.argv[1:] or [""]:
        print(f"{directory}{directory and ': '}skipped, not installed: {what}")
    sys.exit(SKIPPED)


def judge(verdict):
    """Asks `verdict` about each directory, which returns what it saw or raises; prints a line for each."""
    if len(sys.argv) == 1:
        print("ran: could run")
    failed = False
    for directory in sys.argv[1:]:
        try:
            said = "ran: " + verdict(Path(directory))
        except Skipped as why:
            said = f"skipped, {why}"
        except Failed as why:
            said, failed = f"failed: {why}", True
        except Exception as error:  # a consumer's own: it refuses the directory
            lines = str(error).strip().splitlines() or [""]
            said, failed = f"failed: {type(error).__name__}: {lines[0]}", True
        print(f"{directory}: {said}", flush=True)
    sys.exit(FAILED if failed else 0)


def beside(directory, ending):
    """Returns a file of ours beside the directory, `DIR.ENDING`; None if it is not there."""
    file = directory.with_name(f"{directory.name}.{ending}")
    return file if file.is_file() else None
