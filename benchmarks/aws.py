"""The AWS command line in an environment of its own, which all clones share."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements" / "aws.txt"
FOLDER = Path("~/.cache/slipway/aws").expanduser()


def ensure() -> Path:
    """Install it if it is missing or another version; return the program."""
    program = FOLDER / "bin" / "aws"
    mark = FOLDER / f"ready-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    if not mark.is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = (str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
        mark.touch()
    return program
