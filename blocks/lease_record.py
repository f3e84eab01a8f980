"""What a lease object says, and the errors of whoever wanted it or lost it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from blocks.errors import RejectedError, UnavailableError
from blocks.objects import SYSTEM

RECORD_LIMIT_BYTES = 64 << 10
"""More than any lease object has."""


class LeaseHeldError(UnavailableError):
    """Another run works on the same version."""

    def __init__(self, *, key: str, owner: str, since: str) -> None:
        super().__init__(
            SYSTEM,
            f"{owner} holds {key} since {since}. Wait until that run has ended, or cancel it: `prefect flow-run ls`",
        )


class LeaseLostError(RejectedError):
    """The lease is not ours any more, or we cannot prove that it is: nothing may be made visible now.

    Permanent: a lost lease never comes back to the run that lost it, so the next one begins with a lease of its own.
    """

    def __init__(self, *, key: str, reason: str) -> None:
        super().__init__(SYSTEM, f"the lease {key} was lost ({reason}). Nothing was changed after that; run it again")


@dataclass(frozen=True, slots=True)
class Record:
    """What a lease object says. Its times are for people; only its change is evidence.

    Attributes:
        owner: the holder's name, for example its flow run.
        token: unique to one acquisition.
        ttl_seconds: the holder's promise: it renews before so much time has passed.
        since: UTC, when it was acquired.
        renewals: makes each renewal other bytes, and so another entity tag.
    """

    owner: str
    token: str
    ttl_seconds: float
    since: str
    renewals: int = 0

    def encode(self) -> bytes:
        """The lease object's content."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def decode(cls, content: bytes, *, key: str) -> Record:
        """Read a lease object; RejectedError where it is none."""
        try:
            return cls(**json.loads(content))
        except (ValueError, TypeError) as error:
            raise RejectedError(SYSTEM, f"{key} is no lease of ours. Remove it: aws s3 rm s3://…/{key}") from error
