"""What a verification ends with when a link does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.errors import RejectedError


class BrokenChainError(RejectedError):
    """The systems do not tell the same of a model, or one of them does not answer."""

    def __init__(self, *, model: str, problems: Sequence[str]) -> None:
        links = f"{len(problems)} link{'s' if len(problems) != 1 else ''}"
        super().__init__(
            "verify", f"{links} of {model} do{'es' if len(problems) == 1 else ''} not hold: " + "; ".join(problems)
        )
        self.problems = tuple(problems)
