"""`make clean` deletes only what nothing runs in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def make(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Run a target in a folder that has the Makefile and no environment."""
    shutil.copy(MAKEFILE, folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "MAKE"))}
    return subprocess.run(["make", target], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["clean", "down", "reset"])
def test_a_sandbox_that_nobody_can_stop_is_not_touched(tmp_path: Path, target: str) -> None:
    """`make clean` without .venv deleted the data under running servers, which went on without their pid files."""
    (tmp_path / ".sandbox").mkdir()
    done = make(tmp_path, target)
    assert done.returncode != 0
    assert done.stdout.rstrip().endswith(f"Run: make setup {target}")
    assert (tmp_path / ".sandbox").exists()


@pytest.mark.parametrize(
    ("target", "command"), [("clean", "make cluster-down"), ("cluster-down", "make setup cluster-down")]
)
def test_a_cluster_of_this_machine_is_not_left_behind_unsaid(tmp_path: Path, target: str, command: str) -> None:
    """Its mounts and processes would stay, and what can end them would be gone."""
    (tmp_path / ".cluster").mkdir()
    done = make(tmp_path, target)
    assert done.returncode != 0
    assert done.stdout.rstrip().endswith(command)


def test_a_fresh_checkout_is_clean(tmp_path: Path) -> None:
    """There is nothing to stop, so nothing must be installed for it."""
    (tmp_path / "dist").mkdir()
    done = make(tmp_path, "clean")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert not (tmp_path / "dist").exists()
