"""`.ci/run` with scripted programs: what turns it red, what it passes over, and that it always asks the other tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# Each program notes its call and ends with the code that the test has written for it; a second call has another code.
_PROGRAM = """\
#!/bin/bash
name="{name}"; for word in "$@"; do case $word in -m|tests.cluster.machine) ;; *) name="$name $word" ;; esac; done
echo "$name" >> "$CALLS/calls"
echo "$name: ${{SLIPWAY_CLUSTER_STATE:-}} ${{SLIPWAY_TEST_KUBECONFIG:-}}" >> "$CALLS/state"
file="$CALLS/$(echo "$name" | tr ' /' '__')"
[ ! -e "$file.failed" ] || echo a-test >> "$SLIPWAY_FAILED_TESTS"
if [ -e "$file.waits" ]; then sleep 60 & trap 'kill $!; exit 143' TERM; touch "$file.begun"; wait; fi
exit "$(cat "$file" 2>/dev/null || echo 0)"
"""


@dataclass
class Site:
    """A project folder that holds `.ci/run` and scripted programs.

    Attributes:
        folder: the project's.
        calls: what was called is noted here.
    """

    folder: Path
    calls: Path

    def script(self, call: str, code: int, *, failed: bool = False) -> None:
        """Let a call end with a code; `failed`: it notes a failed test before."""
        file = self.calls / call.replace(" ", "_").replace("/", "_")
        file.write_text(str(code))
        if failed:
            file.with_name(f"{file.name}.failed").touch()

    def start(self) -> subprocess.Popen[str]:
        """Start `.ci/run`; it finds no apt-get to install with."""
        environment = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "TMPDIR": str(self.calls),
            "SLIPWAY_CLUSTER_STATE": "/a/developers/state",
            "SLIPWAY_TEST_KUBECONFIG": "/a/developers/kubeconfig",
        }
        command = ["bash", str(self.folder / ".ci" / "run")]
        return subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        """Run it to its end; return its code and what it said."""
        with self.start() as process:
            said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def called(self) -> list[str]:
        """What was called, in order."""
        return (self.calls / "calls").read_text().splitlines()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A project whose programs all succeed."""
    folder, calls = tmp_path / "project", tmp_path / "calls"
    calls.mkdir()
    for file in (folder / "bin" / "make", folder / ".venv" / "bin" / "python", folder / "bin" / "id"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/bash\necho 1000\n" if file.name == "id" else _PROGRAM.format(name=file.name))
        file.chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy2(PROJECT / ".ci" / "run", folder / ".ci" / "run")
    return Site(folder, calls)


ALL = ["make setup", "make lint", "python probe", "python up", "make test-cluster", "python down", "make test"]


def test_everything_is_asked_and_the_tests_come_last(site: Site) -> None:
    """A step would be left out, and nobody would see it."""
    code, said = site.run()
    assert (code, site.called(), "NOT" in said) == (0, ALL, False)


@pytest.mark.parametrize("code", [1, 3, 124, 137])
@pytest.mark.parametrize("step", ["python probe", "python up"])
def test_what_a_machine_cannot_do_is_said_loudly_and_passed_over(site: Site, step: str, code: int) -> None:
    """A small machine would turn everything red, or everything would seem to be tested."""
    site.script(step, code)
    ended, said = site.run()
    assert (ended, "NOT TESTED ON A REAL KUBERNETES" in said, site.called()[-1]) == (0, True, "make test")
    assert "make test-cluster" not in site.called()


@pytest.mark.parametrize("second", [2, 124, 137])
def test_tests_that_fail_and_then_fail_or_run_into_the_limit_are_red(site: Site, second: int) -> None:
    """A failure that is slow to repeat would be taken for a slow machine."""
    site.script("make test-cluster", 2)
    site.script("make test-cluster AGAIN=--last-failed", second)
    code, _ = site.run()
    assert (code, site.called()[-2:]) == (second, ["python down", "make test"])


def test_what_passes_the_second_time_is_green(site: Site) -> None:
    """A busy machine would keep good changes from landing."""
    site.script("make test-cluster", 2)
    assert site.run()[0] == 0


@pytest.mark.parametrize(("failed", "red"), [(True, 1), (False, 0)])
def test_a_limit_hides_no_failure_that_came_before_it(site: Site, failed: bool, red: int) -> None:
    """A test that failed in the first minute would be passed over because a later one hung."""
    site.script("make test-cluster", 124, failed=failed)
    code, said = site.run()
    assert (code, "too slow" in said, site.called()[-1]) == (red, not failed, "make test")


def test_a_red_test_is_red_whatever_the_cluster_says(site: Site) -> None:
    """The code of the last command would be lost in the way out."""
    site.script("python probe", 3)
    site.script("make test", 2)
    assert site.run()[0] == 2


def test_a_developers_cluster_is_neither_asked_nor_taken_down(site: Site) -> None:
    """A test run would end the cluster that somebody works with."""
    site.run()
    asked = [line for line in (site.calls / "state").read_text().splitlines() if "cluster" in line or "python" in line]
    assert len(asked) == 4
    assert [line for line in asked if "/a/developers" in line] == []
    assert list(site.calls.glob("tmp.*")) == []


def test_an_ended_run_takes_its_cluster_down(site: Site) -> None:
    """A cancelled run would leave a cluster, and the next one would find the machine taken."""
    waits, begun = (site.calls / f"make_test-cluster.{name}" for name in ("waits", "begun"))
    waits.touch()
    process = site.start()
    try:
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, site.called()[-1]) == (143, "python down")
