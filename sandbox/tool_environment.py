"""An environment of its own for a program that cannot share ours: made once, found again while its pins are equal."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import ToolEnvironmentError
from sandbox.layout import PROJECT

_CACHE = Path("~/.cache/slipway")
_TAIL_LINES = 15

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ToolEnvironment:
    """A virtual environment outside of the project, which all clones share.

    Attributes:
        name: of its folder in the user's cache.
        title: what people call what is in it.
        variable: names another folder.
        requirements: the file with its pins, complete, in requirements/.
        command: makes it.
        check: Python that proves that it works, and prints versions.
        harmful: packages that break it and that nothing needs.
    """

    name: str
    title: str
    variable: str
    requirements: str
    command: str
    check: str
    harmful: tuple[str, ...] = ()

    def folder(self) -> Path:
        """The folder that the variable names, or the one in the user's cache."""
        return Path(os.environ.get(self.variable) or _CACHE / self.name).expanduser().absolute()

    def mark(self) -> Path:
        """A file that is there when the environment holds what is asked for now."""
        digest = hashlib.sha256(self._requirements().read_bytes()).hexdigest()
        return self.folder() / f"ready-{digest[:12]}"

    def ensure(self, say: Say) -> None:
        """Make the environment, or find that it is there.

        Raises:
            ToolEnvironmentError: a command failed.
        """
        if self.mark().is_file():
            say(f"{self.title} is ready: {self.folder()}")
            return
        if self._holds_all():
            say(f"{self.folder()} holds what {self.title} wants already")
        else:
            self._make(say)
        self._run((str(self.folder() / "bin" / "python"), "-c", self.check), say)
        self.mark().touch()
        say(f"{self.title} is ready: {self.folder()}")

    def _requirements(self) -> Path:
        return PROJECT / "requirements" / self.requirements

    def _make(self, say: Say) -> None:
        target = self.folder()
        if target.exists() and any(target.iterdir()) and not (target / "pyvenv.cfg").is_file():
            raise self._error(self.command, reason=f"{target} holds something else: set {self.variable}")
        shutil.rmtree(target, ignore_errors=True)
        pip = (str(target / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
        torch = next(f"{name}=={version}" for name, version in self._pinned() if name == "torch")
        self._run((sys.executable, "-m", "venv", str(target)), say)
        # First and alone, and by pip: it takes a CPU build where one is offered, not the CUDA build with its gigabytes.
        self._run((*pip, torch), say)
        # The list is complete; solving it again would bring back what was left out on purpose.
        self._run((*pip, "--no-deps", "--requirement", str(self._requirements())), say)
        found = [name for name in self.harmful if name in _installed(target)]
        if found:
            self._run((*pip[:3], "uninstall", "--yes", *found), say)

    def _holds_all(self) -> bool:
        """Whether the environment, made by whomever, has all that is pinned and nothing that breaks it."""
        installed = _installed(self.folder())
        if any(name in installed for name in self.harmful):
            return False
        return bool(installed) and all(installed.get(name) == version for name, version in self._pinned())

    def _pinned(self) -> list[tuple[str, str]]:
        lines = self._requirements().read_text(encoding="utf-8").splitlines()
        parts = [line.partition(";")[0].strip() for line in lines if "==" in line and not line.startswith("#")]
        return [(_normal(name), version) for name, _, version in (part.partition("==") for part in parts)]

    def _run(self, command: Sequence[str], say: Say) -> None:
        say(f"$ {' '.join(command)}")
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            said = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
            raise self._error(" ".join(command), reason=f"ended with code {done.returncode}", said=said)

    def _error(self, command: str, *, reason: str, said: str = "") -> ToolEnvironmentError:
        return ToolEnvironmentError(command=command, reason=reason, said=said, again=self.command)


def _installed(target: Path) -> dict[str, str]:
    """The packages of an environment with their versions, without what a local build adds (2.13.0+cpu)."""
    found = {}
    for info in target.glob("lib/python3*/site-packages/*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
        found[_normal(name)] = version.partition("+")[0]
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
