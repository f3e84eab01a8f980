"""The smoke test: ready is not enough."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from blocks.served_model import PromptScore
from flows.deploy_model.smoke import SmokeTestError, smoke_test

GOOD = PromptScore(("The", " capital"), (None, -1.5))


@dataclass
class FakeService:
    """Stands for our own adapter."""

    ids: tuple[str, ...] = ("mistral-24b",)
    score_of_prompt: PromptScore = GOOD
    url: str = "http://service"

    def models(self) -> tuple[str, ...]:
        """The served ids."""
        return self.ids

    def complete(self, model: str, *, prompt: str, max_tokens: int) -> str:
        """A continuation."""
        return f" {model} continues {prompt!r} by {max_tokens}"

    def score(self, model: str, *, prompt: str) -> PromptScore:
        """The prompt's probabilities."""
        assert (model, bool(prompt)) == ("mistral-24b", True)
        return self.score_of_prompt


def test_a_service_that_does_its_work_passes() -> None:
    """If a good service were refused, no deployment would ever finish."""
    result = smoke_test(FakeService(), name="mistral-24b")  # type: ignore[arg-type]  # our adapter's fake
    assert (result.model, result.scored_tokens) == ("mistral-24b", 1)


def test_failure_12_another_model_id_is_refused() -> None:
    """If the id were not compared, benchmarks would run against a name that nobody serves."""
    with pytest.raises(SmokeTestError, match="it serves other, not mistral-24b"):
        smoke_test(FakeService(ids=("other",)), name="mistral-24b")  # type: ignore[arg-type]  # our adapter's fake


@pytest.mark.parametrize("score", [PromptScore((), ()), PromptScore(("The", " capital"), (None, None))])
def test_a_server_without_prompt_probabilities_is_refused(score: PromptScore) -> None:
    """If it passed, every evaluation would score exactly at chance, and nobody would know why."""
    with pytest.raises(SmokeTestError, match="would score at chance"):
        smoke_test(FakeService(score_of_prompt=score), name="mistral-24b")  # type: ignore[arg-type]  # our adapter's fake
