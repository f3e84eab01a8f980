"""Records of tests to read and compare: a whole one, with other parts in place of its own."""

from __future__ import annotations

from flows.check_model.gate import judge
from flows.check_model.record import CheckRecord, Subject
from tests.unit.measurements import LIMIT, measurement, spec


def subject(**other: object) -> Subject:
    """A replica on a CPU, served from a pod of a run named "run-1"."""
    parts: dict[str, object] = {
        "run": "run-1",
        "run_url": "http://prefect/runs/flow-run/run-1",
        "model": "quantized",
        "registered_model": "Mistral-Small-24B-Instruct",
        "version": "quantized-w4a16",
        "commit": "c" * 40,
        "replica": None,
        "service": "mistral-24b-quantized",
        "namespace": "private-ai-demo",
        "revision": "generation-1",
        "url": "http://mistral-24b-quantized",
        "image": "registry/vllm@sha256:" + "b" * 64,
        "engine": "0.10.1",
        "hardware": measurement().hardware,
        "treatment": measurement().treatment,
        "limit": LIMIT,
        "environment": {"kubernetes": "v1.31.0"},
        "started": "2026-11-23T20:00:00+00:00",
    }
    return Subject.model_validate(parts | other)


def record(**other: object) -> CheckRecord:
    """A first run of a good service: it passed."""
    found = measurement()
    parts: dict[str, object] = {
        "subject": subject(),
        "evaluation": found.evaluation,
        "benchmarks": found.benchmarks,
        "saturation": found.saturation,
        "judgement": judge(found, spec=spec(), baseline=None, limit=LIMIT),
        "tools": {"lm-eval": "0.4.13", "GuideLLM": "0.8.1"},
        "finished": "2026-11-23T20:05:00+00:00",
        "published": "2026-11-23T20:05:01+00:00",
        "published_by": "run-1",
    }
    return CheckRecord.model_validate(parts | other)
