"""A pod's TMPDIR: outside of the state folder, because a Unix socket's whole path may have 107 letters and no more.

vLLM makes its sockets there, with names of 36 letters: below `{state}/pods/{uid}/` it crashed in almost every clone.
"""

import shutil
import tempfile
from pathlib import Path

_LETTERS = 13  # of a random uid: nobody guesses them, and two pods do not share them


def make(uid: str) -> Path:
    """Make a pod's TMPDIR, or find it as a kubelet that died left it."""
    made = _folder(uid)
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def remove(uid: str) -> None:
    """Remove a pod's TMPDIR; nobody uses it any more."""
    shutil.rmtree(_folder(uid), ignore_errors=True)


def _folder(uid: str) -> Path:
    return Path(tempfile.gettempdir()) / f"slipway-{uid[:_LETTERS]}"
