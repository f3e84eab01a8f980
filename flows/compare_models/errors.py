"""Why there is nothing to compare."""

from __future__ import annotations

from blocks.errors import NotFoundError, RejectedError


class NotTestedError(NotFoundError):
    """A model has no published test."""

    def __init__(self, *, model: str, name: str) -> None:
        super().__init__(
            "compare", f"no test of {name} is published. Test it: prefect deployment run test/{model} --watch"
        )


class SameModelError(RejectedError):
    """Both sides are one model."""

    def __init__(self, *, model: str) -> None:
        super().__init__(
            "compare", f"{model} is both sides. Name two: prefect deployment run compare/quantized-vs-full --watch"
        )
