"""How evidence of a failure reads."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.cluster.logs import runs_of
from k8s.diagnosis import Category, Diagnosis
from k8s.evidence import events_text, gpus_text, objects_text, summary_text
from k8s.fields import argument
from k8s.gpus import GpuInventory, GpuNode, GpuQuota

Json = dict[str, Any]


def test_the_summary_says_what_and_what_next() -> None:
    """Who opens the bundle first must not have to read YAML."""
    finding = Diagnosis(category=Category.OOM_KILLED, transient=False, sentence="too much", next_action="Raise it")
    thing = {"kind": "InferenceService", "metadata": {"name": "m", "namespace": "ns"}}
    assert summary_text(thing, finding) == (
        "InferenceService ns/m\ncategory: OOMKilled\nwhat: too much\nnext: Raise it\n"
    )


def test_events_are_in_order_and_one_line_each() -> None:
    """The API gives them in any order, and some messages have several lines."""
    about = {"kind": "Pod", "name": "p"}
    late = {"lastTimestamp": "2026-01-01T00:00:02Z", "type": "Warning", "reason": "B", "message": "x\ny"}
    early = {"eventTime": "2026-01-01T00:00:01.5Z", "type": "Normal", "reason": "A", "message": "z"}
    assert events_text([{**late, "involvedObject": about}, {**early, "involvedObject": about}]) == (
        "2026-01-01T00:00:01.5Z  Normal  A  Pod/p  z\n2026-01-01T00:00:02Z  Warning  B  Pod/p  x y\n"
    )


def test_gpus_read_like_a_table() -> None:
    """Who holds the GPUs is the question behind most of these bundles."""
    node = GpuNode(name="n", labels={"nvidia.com/gpu.product": "NVIDIA-L4"}, gpus=1, used=1, holders=("ns/p",))
    quota = GpuQuota(name="q", limit=8, used=8)
    assert gpus_text(GpuInventory(nodes=(node,), quotas=(quota,))) == (
        "n  NVIDIA-L4  1 of 1 used  by ns/p\nquota q  8 of 8 used\n"
    )
    assert gpus_text(None) == ""


def test_nothing_makes_no_file() -> None:
    """An empty file in a bundle looks like something that was lost."""
    assert objects_text([]) == ""
    assert events_text([]) == ""


@pytest.mark.parametrize(
    ("status", "runs"),
    [
        ({"state": {"waiting": {"reason": "PodInitializing"}}}, ()),
        ({"state": {"running": {}}}, (False,)),
        ({"state": {"running": {}}, "restartCount": 2}, (True, False)),
        ({"state": {"terminated": {"exitCode": 1}}}, (False,)),
        ({"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}, "restartCount": 1}, (True,)),
        ({"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}, "restartCount": 0}, (False,)),
    ],
)
def test_only_runs_that_have_a_log_are_asked_for(status: Json, runs: tuple[bool, ...]) -> None:
    """Each other question is a 400 that would look like missing evidence."""
    assert runs_of(status) == runs


@pytest.mark.parametrize(
    "words", [["--max-model-len=9"], ["--max-model-len", "9"], ["--max-model-len=1", "--max-model-len=9"]]
)
def test_an_argument_is_read_in_both_spellings(words: list[str]) -> None:
    """The value that is named in a diagnosis must be the one that the engine used."""
    assert argument({"command": ["python"], "args": words}, "max-model-len") == "9"
    assert argument({"args": words}, "max-model") is None
