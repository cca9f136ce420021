"""What the judges share: how a verdict is told, and what to do where a consumer is not installed."""

import importlib
import sys
from pathlib import Path

SKIPPED = 77
FAILED = 1


def need(*modules):
    """Imports the modules and returns them; ends the program, naming what is missing, if one is not there."""
    found = []
    for name in modules:
        try:
            found.append(importlib.import_module(name))
        except ImportError as error:
            print(f"skipped, not installed: {error.name or name}")
            sys.exit(SKIPPED)
    return found


def skip(why):
    print(f"skipped, {why}")
    sys.exit(SKIPPED)


def fail(why):
    print(f"failed: {why}")
    sys.exit(FAILED)


def directory():
    """The directory to judge, or None where the caller only asks whether the judge could run."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else None


def ran(what):
    print(f"ran: {what}")
