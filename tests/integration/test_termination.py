"""A test run that `timeout` ends stops the servers that its fixtures started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_TEST = """\
import time
from pathlib import Path

import pytest



@pytest.fixture
def server():
    yield
    Path("stopped").touch()


def test_waits(server):
    Path("begun").touch()
    time.sleep(120)


def test_never_begins():
    Path("went-on").touch()
"""


def test_an_ended_run_cleans_up_and_begins_no_other_test(tmp_path: Path) -> None:
    """Python dies of SIGTERM without a word: servers would hold their ports until somebody finds them."""
    (tmp_path / "test_waits.py").write_text(_TEST)
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_waits.py"]
    environment = {"PYTHONPATH": str(PROJECT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
    try:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    found = {name: (tmp_path / name).exists() for name in ("stopped", "went-on")}
    assert found == {"stopped": True, "went-on": False}
