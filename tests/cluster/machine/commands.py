"""Runs the machine's tools, and says what they said when they fail."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.machine.errors import CommandFailedError, TooSlowError

_SHOWN_CHARACTERS = 800


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    given: str | None = None,
    log: Path | None = None,
    seconds: float | None = None,
) -> str:
    """Run a tool to its end and return what it printed.

    Args:
        command: program and arguments.
        folder: its working directory.
        variables: environment variables to add.
        given: its standard input.
        log: a file that gets all output, for tools that talk for minutes; then nothing is returned.
        seconds: how long it may take; None for as long as it likes.

    Raises:
        CommandFailedError: it ended with another code than 0, or does not exist.
        TooSlowError: it did not end in time.
    """
    words = [str(word) for word in command]
    environment = {**os.environ, "LC_ALL": "C", **(variables or {})}
    try:
        if log is None:
            done = subprocess.run(
                words,
                cwd=folder,
                env=environment,
                input=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
            )
            said = done.stderr or done.stdout
        else:
            with log.open("a") as sink:
                done = subprocess.run(
                    words,
                    cwd=folder,
                    env=environment,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                    timeout=seconds,
                )
            said = log.read_text(errors="replace")
    except FileNotFoundError as error:
        raise CommandFailedError(command=words[0], code=127, said=str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise TooSlowError(command=shlex.join(words[:6]), seconds=error.timeout) from error
    if done.returncode != 0:
        raise CommandFailedError(
            command=shlex.join(words[:6]), code=done.returncode, said=said.strip()[-_SHOWN_CHARACTERS:]
        )
    return done.stdout or ""
