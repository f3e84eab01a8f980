"""The smoke test: a service that is ready must also be the right one, complete a prompt, and score one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.errors import RejectedError

if TYPE_CHECKING:
    from blocks.served_model import ServedModel

PROMPT = "The capital of France is"
MAX_TOKENS = 8


class SmokeTestError(RejectedError):
    """The service is ready, and yet it does not do its work."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__("served model", f"{url} is ready, but {reason}. Ask it yourself: curl {url}/v1/models")


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What the service answered.

    Attributes:
        model: the id that it serves.
        completion: how it continued the prompt.
        scored_tokens: tokens of the prompt that came back with their probability.
    """

    model: str
    completion: str
    scored_tokens: int


def smoke_test(served: ServedModel, *, name: str) -> SmokeResult:
    """Ask a service three things that everything later rests on.

    Args:
        served: the service.
        name: the id that it must serve: the InferenceService's name. Benchmarks against another id were once green
            with placeholder results.

    Raises:
        SmokeTestError: it serves another id, or leaves out prompt probabilities.
        BlockError: it does not answer.
    """
    ids = served.models()
    if name not in ids:
        raise SmokeTestError(url=served.url, reason=f"it serves {', '.join(ids) or 'nothing'}, not {name}")
    completion = served.complete(name, prompt=PROMPT, max_tokens=MAX_TOKENS)
    score = served.score(name, prompt=PROMPT)
    scored = [value for value in score.logprobs[1:] if value is not None and math.isfinite(value)]
    if not scored or len(scored) != len(score.tokens) - 1:
        raise SmokeTestError(
            url=served.url,
            reason="it returns no probabilities of the prompt's tokens (echo with logprobs), "
            "so every evaluation would score at chance",
        )
    return SmokeResult(name, completion, len(scored))
