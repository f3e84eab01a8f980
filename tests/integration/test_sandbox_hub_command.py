"""`python -m sandbox.hub`: publish and serve as the supervisor and people do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.integration.hub_folders import REPO, SHARDS, write_model

COMMAND = (sys.executable, "-m", "sandbox.hub")
WEIGHTS = f"/{REPO}/resolve/main/{SHARDS[0]}"


def hub_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, text=True)


def test_the_command_line_publishes_and_serves(tmp_path: Path) -> None:
    """`make up` starts the Hub so, with tokens from the environment, and stops it with SIGTERM."""
    folder, root = write_model(tmp_path / "folder"), str(tmp_path / "root")
    commit = hub_command("publish", "--root", root, "--repo", REPO, "--gated", str(folder)).stdout.strip()
    server = subprocess.Popen(
        [*COMMAND, "--root", root, "--port", "0"],
        env={**os.environ, "SANDBOX_HUB_TOKENS": "secret"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    with server:
        url = server.stdout.readline().split()[1]
        assert httpx2.get(f"{url}/api/models/{REPO}").json()["sha"] == commit
        assert httpx2.head(url + WEIGHTS).headers["X-Error-Code"] == "GatedRepo"
        assert httpx2.head(url + WEIGHTS, headers={"Authorization": "Bearer secret"}).status_code == 302
        server.send_signal(signal.SIGTERM)
        assert "secret" not in server.stdout.read()
    assert server.returncode == 0


def test_a_refused_publish_says_why(tmp_path: Path) -> None:
    """A mistyped folder must end with one sentence and a status that stops a script."""
    ended = hub_command("publish", "--root", str(tmp_path), "--repo", REPO, str(tmp_path / "missing"))
    assert ended.returncode == 1
    assert (
        ended.stderr
        == f"publish: {tmp_path}/missing is not a folder. Name a folder that holds the repository's files\n"
    )


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """A half-dead earlier run holds the port: say so instead of a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = hub_command("--root", str(tmp_path), "--port", port)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"hub: cannot listen on port {port}:")
