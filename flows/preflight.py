"""What a flow needs before it changes anything: every check runs, and all problems are told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from blocks.errors import RejectedError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to try: its name for the table, and a call that returns what was found or raises one of our errors."""

    name: str
    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `transient` is True where the same check can pass later without anybody acting."""

    name: str
    ok: bool
    detail: str
    transient: bool = False


class PreflightError(RejectedError):
    """Something that the flow needs is not there; nothing was changed."""

    def __init__(self, *, doing: str, model: str, problems: Sequence[str]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        super().__init__("preflight", f"{count} before {doing} {model}: " + "; ".join(problems))
        self.problems = tuple(problems)


class PreflightUnavailableError(PreflightError):
    """Everything that is wrong may pass by itself, so the preflight is worth another try."""

    transient = True


def run_checks(checks: Iterable[Check], *, errors: tuple[type[Exception], ...]) -> tuple[Finding, ...]:
    """Run all checks side by side and keep their order.

    Args:
        checks: what to try.
        errors: the error trees whose members are findings; anything else is a defect of ours and is raised.
    """

    def find(check: Check) -> Finding:
        try:
            return Finding(check.name, ok=True, detail=check.run())
        except errors as error:
            return Finding(check.name, ok=False, detail=str(error), transient=bool(getattr(error, "transient", False)))

    with ThreadPoolExecutor(thread_name_prefix="preflight") as pool:
        return tuple(pool.map(find, checks))


def table(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Lay findings out as rows for a Prefect table artifact."""
    return [
        {"check": finding.name, "state": "ok" if finding.ok else "PROBLEM", "detail": finding.detail}
        for finding in findings
    ]


def refuse_problems(findings: Iterable[Finding], *, doing: str, model: str) -> None:
    """Raise one error that lists every problem.

    Args:
        findings: what the checks found.
        doing: what the flow is about to do, for example "importing".
        model: the catalog key.

    Raises:
        PreflightUnavailableError: all problems are transient.
        PreflightError: at least one needs somebody to act.
    """
    problems = [finding for finding in findings if not finding.ok]
    if not problems:
        return
    kind = PreflightUnavailableError if all(finding.transient for finding in problems) else PreflightError
    raise kind(doing=doing, model=model, problems=[f"[{finding.name}] {finding.detail}" for finding in problems])
