"""What can go wrong with an outside system, in our words: permanent or transient is decided where the error is born."""

from __future__ import annotations


class BlockError(Exception):
    """An outside system failed us.

    Attributes:
        system: the system's name as its users say it ("model hub", "object store", "model registry", "image registry").
        transient: True where the same call can succeed later; only then is a task retried.
    """

    transient: bool = False

    def __init__(self, system: str, sentence: str) -> None:
        super().__init__(f"{system}: {sentence}")
        self.system = system
        self.sentence = sentence


class RejectedError(BlockError):
    """The system understood and said no; the same call fails again until somebody acts."""


class UnavailableError(BlockError):
    """The system did not answer, or answered that it cannot now."""

    transient = True


class NotFoundError(RejectedError):
    """What was asked for does not exist."""


class AccessDeniedError(RejectedError):
    """The credentials are missing, wrong, or lack a right."""


class IntegrityError(RejectedError):
    """The bytes that arrived are not the bytes that were declared."""


class PreconditionFailedError(RejectedError):
    """A conditional write came too late: what it was meant for was written, changed or removed by somebody else."""
