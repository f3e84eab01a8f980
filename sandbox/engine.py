"""The environment of vLLM's CPU build, which serves replicas in the place of the runtime image."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.errors import EngineFailedError
from sandbox.layout import PROJECT

VARIABLE = "SLIPWAY_SANDBOX_VLLM"
COMMAND = "make engine"
REQUIREMENTS = PROJECT / "requirements" / "vllm.txt"
VARIABLES = {
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    # Replicas are tiny: more threads only wait for each other, and two engines share the machine.
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(PROJECT / "sandbox" / "engine_start"),
}

_DEFAULT = Path("~/.cache/slipway/vllm")
# Their builds for CUDA break vLLM's imports on a machine without it, and nothing here needs them.
_HARMFUL = ("torchvision", "torchaudio", "torchcodec")
_TAIL_LINES = 15


def folder() -> Path:
    """The folder that SLIPWAY_SANDBOX_VLLM names, or one in the user's cache, which all clones share."""
    return Path(os.environ.get(VARIABLE) or _DEFAULT).expanduser().absolute()


def mark() -> Path:
    """A file that is there when the environment holds what is asked for now."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return folder() / f"ready-{digest[:12]}"


def ensure(say: Callable[[str], None]) -> None:
    """Make the environment, or find that it is there.

    Raises:
        EngineFailedError: a command failed.
    """
    if mark().is_file():
        say(f"vLLM's environment is ready: {folder()}")
        return
    if _holds_all(folder()):
        say(f"vLLM's environment in {folder()} holds what is wanted already")
    else:
        _make(folder(), say)
    _run((str(folder() / "bin" / "python"), "-c", "import vllm, torch; print('vllm', vllm.__version__)"), say)
    mark().touch()
    say(f"vLLM's environment is ready: {folder()}")


def _make(target: Path, say: Callable[[str], None]) -> None:
    if target.exists() and any(target.iterdir()) and not (target / "pyvenv.cfg").is_file():
        raise EngineFailedError(command=COMMAND, reason=f"{target} holds something else: set {VARIABLE}", said="")
    shutil.rmtree(target, ignore_errors=True)
    pip = (str(target / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
    torch = next(f"{name}=={version}" for name, version in _pinned() if name == "torch")
    _run((sys.executable, "-m", "venv", str(target)), say)
    # First and alone, and by pip: it takes a CPU build where one is offered, not the CUDA build with its gigabytes.
    _run((*pip, torch), say)
    # The list is complete; solving it again would bring back what was left out on purpose.
    _run((*pip, "--no-deps", "--requirement", str(REQUIREMENTS)), say)
    found = [name for name in _HARMFUL if name in _installed(target)]
    if found:
        _run((*pip[:3], "uninstall", "--yes", *found), say)


def _holds_all(target: Path) -> bool:
    """Whether an environment, made by whomever, has all that is pinned and nothing that breaks it."""
    installed = _installed(target)
    if any(name in installed for name in _HARMFUL):
        return False
    return bool(installed) and all(installed.get(name) == version for name, version in _pinned())


def _installed(target: Path) -> dict[str, str]:
    """The packages of an environment with their versions, without what a local build adds (2.13.0+cpu)."""
    found = {}
    for info in target.glob("lib/python3*/site-packages/*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
        found[_normal(name)] = version.partition("+")[0]
    return found


def _pinned() -> list[tuple[str, str]]:
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    parts = [line.partition(";")[0].strip().split("==") for line in lines if "==" in line and not line.startswith("#")]
    return [(_normal(name), version) for name, version in parts]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: Sequence[str], say: Callable[[str], None]) -> None:
    say(f"$ {' '.join(command)}")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
        raise EngineFailedError(command=" ".join(command), reason=f"ended with code {done.returncode}", said=tail)
