"""The shell around an evaluation's tool: the uploader learns of every end, with its exit code where there is one."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from k8s.manifests.evaluation_job import evaluation_job
from tests.golden.regenerate import EVALUATION, model

PATIENCE = 120  # seconds; nothing here takes one


@contextmanager
def _running(tool: list[str], pipe: Path) -> Iterator[subprocess.Popen[bytes]]:
    job = evaluation_job(model("quantized"), replace(EVALUATION, tool=tool))
    container = job["spec"]["template"]["spec"]["containers"][0]
    arguments = [str(pipe), *container["args"][1:]]
    with subprocess.Popen([*container["command"], *arguments], start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _read(pipe: Path) -> str:
    """Do what the uploader does: make the pipe if it is not there, and read until every writer is gone."""
    with suppress(FileExistsError):
        os.mkfifo(pipe)
    return pipe.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_comes_through_the_pipe(tmp_path: Path, code: int) -> None:
    """A failed tool whose reports are published as good ones was green once."""
    pipe = tmp_path / "done"
    with _running(["/bin/sh", "-c", f"exit {code}"], pipe) as process:
        assert _read(pipe) == str(code)
        assert process.wait(PATIENCE) == code


def test_the_uploader_may_come_first(tmp_path: Path) -> None:
    """Containers start in any order."""
    pipe, said = tmp_path / "done", list[str]()
    os.mkfifo(pipe)
    uploader = threading.Thread(target=lambda: said.append(_read(pipe)))
    uploader.start()
    with _running(["/bin/true"], pipe):
        uploader.join(PATIENCE)
    assert said == ["0"]


def test_a_killed_shell_is_an_end_without_a_code(tmp_path: Path) -> None:
    """A container that is killed for its memory says nothing: the uploader must not wait for ever."""
    pipe = tmp_path / "done"
    os.mkfifo(pipe)
    with _running(["/bin/sleep", "600"], pipe) as process:
        reader = os.open(pipe, os.O_RDONLY)  # returns as soon as the shell holds the other end
        os.killpg(process.pid, signal.SIGKILL)
        with os.fdopen(reader, encoding="utf-8") as end:
            assert end.read() == ""


def test_a_killed_tool_is_told_with_its_signal(tmp_path: Path) -> None:
    """Only the tool is killed where the kernel picks the largest process of the container."""
    pipe = tmp_path / "done"
    with _running(["/bin/sh", "-c", "kill -KILL $$"], pipe):
        assert _read(pipe) == "137"


def test_a_child_that_the_tool_leaves_behind_holds_nothing_up(tmp_path: Path) -> None:
    """A forgotten server of the tool would keep the pipe open until the Job's deadline."""
    pipe = tmp_path / "done"
    with _running(["/bin/sh", "-c", "sleep 600 & exit 3"], pipe) as process:
        assert _read(pipe) == "3"
        assert process.wait(PATIENCE) == 3
        os.killpg(process.pid, signal.SIGKILL)


def test_a_polite_end_reaches_the_tool(tmp_path: Path) -> None:
    """A Job that is deleted gives the tool 30 seconds to write what it has."""
    pipe, ready = tmp_path / "done", tmp_path / "ready"
    os.mkfifo(pipe)
    os.mkfifo(ready)
    script = 'trap \'echo ended > "$0"; exit 9\' TERM; echo ready > "$1"; while :; do sleep 0.05; done'
    with _running(["/bin/sh", "-c", script, str(tmp_path / "report"), str(ready)], pipe) as process:
        reader = os.open(pipe, os.O_RDONLY)
        assert ready.read_text(encoding="utf-8") == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        with os.fdopen(reader, encoding="utf-8") as end:
            assert end.read().strip() == "9"
    assert (tmp_path / "report").read_text() == "ended\n"
