"""Why vLLM did not start, read from its log, with the argument to change: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import Diagnosis
from k8s.fields import Manifest, argument, container, model_key
from k8s.status.engine_memory import MEMORY_SYMPTOMS
from k8s.status.engine_model import MODEL_SYMPTOMS
from k8s.status.symptom import recognize

ENGINE_CONTAINER = "kserve-container"
"""The name by which KServe knows the container that serves."""

_SHOWN_ARGUMENTS = ("max-model-len", "gpu-memory-utilization", "max-num-seqs", "tensor-parallel-size")


def engine_trouble(pod: Manifest, lines: Sequence[str], *, failures: int) -> Diagnosis | None:
    """Say why the engine ended, or None if its log says nothing that is known.

    Args:
        pod: the pod that it ran in, whose arguments are named as they are now.
        lines: the end of its log.
        failures: how many of its runs have failed.
    """
    key = model_key(pod)
    found = recognize((*MEMORY_SYMPTOMS, *MODEL_SYMPTOMS), lines, model=key, file=f"deployments/models/{key}.yaml")
    if found is None:
        return None
    return Diagnosis(
        category=found.category,
        transient=found.transient,
        sentence=f"vLLM does not start: {found.sentence}",
        next_action=f"{found.remedy[:1].upper()}{found.remedy[1:]}{_as_they_are(pod, found.remedy)}; "
        f"then run: prefect deployment run deploy/{key} --watch",
        failures=failures,
    )


def without_usage(lines: Sequence[str]) -> tuple[str, ...]:
    """Leave out the list of arguments that a program prints before it names the one that it does not know.

    vLLM's has more than two hundred lines, and would push what it logged before out of every excerpt.
    """
    kept: list[str] = []
    usage: list[str] = []
    for line in lines:
        if line.startswith("usage: ") or (usage and line.startswith(" ")):
            usage.append(line)
            continue
        if usage and ": error: " not in line:
            kept += usage  # what looked like a list of arguments was something else
        usage = []
        kept.append(line)
    return (*kept, *usage)


def _as_they_are(pod: Manifest, remedy: str) -> str:
    """Return the present values of the arguments that a remedy names: ` (now --max-num-seqs=16)`."""
    declared = container(pod, ENGINE_CONTAINER)
    values = {name: argument(declared, name) for name in _SHOWN_ARGUMENTS if f"--{name}" in remedy}
    known = ", ".join(f"--{name}={value}" for name, value in values.items() if value is not None)
    return f" (now {known})" if known else ""
