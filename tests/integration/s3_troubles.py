"""What goes wrong at an S3 store on purpose: which request meets which trouble, and what happened so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Watched:
    """Nothing goes wrong; the request is only told as fired, so that a test can act just then."""


@dataclass(frozen=True)
class Refused:
    """An error instead of the store's answer; the store is not asked.

    Attributes:
        status: HTTP status. With 200 it is the error that S3 sends late, where work outlived its status line.
        code: S3's code of the error.
    """

    status: int
    code: str


@dataclass(frozen=True)
class CutRequest:
    """The connection is reset while the request's body is sent; the store sees nothing of it.

    Attributes:
        after: bytes of the body that are read first.
    """

    after: int = 0


@dataclass(frozen=True)
class CutAnswer:
    """The store does what is asked, and the connection is reset while it answers.

    Attributes:
        after: bytes of the answer's body that are sent; None resets before the status line.
    """

    after: int | None = None


@dataclass(frozen=True)
class Silence:
    """An open connection that says nothing, until the proxy stops or the time is over; then it is reset.

    Attributes:
        seconds: how long.
        done: whether the store does what is asked before.
    """

    seconds: float
    done: bool = False


Trouble = Watched | Refused | CutRequest | CutAnswer | Silence


@dataclass(frozen=True)
class Asked:
    """A request to the store: S3's name of the operation, and the object's key, "" for the bucket's own."""

    operation: str
    key: str


@dataclass
class _Rule:
    trouble: Trouble
    operation: str
    key: str
    skip: int
    times: int | None
    seen: int = 0

    def takes(self, asked: Asked) -> bool:
        if not (self.operation in ("*", asked.operation) and fnmatchcase(asked.key, self.key)):
            return False
        self.seen += 1
        return self.seen > self.skip and (self.times is None or self.seen <= self.skip + self.times)


class Troubles:
    """The rules of one proxy, and its requests; safe to use from several threads."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._asked: list[Asked] = []
        self._fired: list[Asked] = []
        self._changed = threading.Condition()

    def add(
        self, trouble: Trouble, *, operation: str = "*", key: str = "*", skip: int = 0, times: int | None = 1
    ) -> None:
        """Append a rule: of the requests that match from now on, `skip` pass, and then `times` meet the trouble.

        Args:
            trouble: what happens.
            operation: S3's name, for example "UploadPart"; "*" for all.
            key: glob on the object's key.
            skip: matching requests that pass first.
            times: matching requests that are hit then; None for all.
        """
        with self._changed:
            self._rules.append(_Rule(trouble, operation, key, skip, times))

    def clear(self) -> None:
        """No more troubles, and nothing asked so far."""
        with self._changed:
            self._rules, self._asked, self._fired = [], [], []

    def take(self, asked: Asked) -> Trouble | None:
        """The trouble of a request that has just come in; None where no rule takes it."""
        with self._changed:
            self._asked.append(asked)
            # Each rule counts for itself, so that the number of a request does not depend on other rules.
            hit = [rule for rule in self._rules if rule.takes(asked)]
            if not hit:
                return None
            self._fired.append(asked)
            self._changed.notify_all()
            return hit[0].trouble

    def asked(self, operation: str = "*") -> list[Asked]:
        """The requests so far, oldest first, those in trouble among them."""
        with self._changed:
            return [asked for asked in self._asked if operation in ("*", asked.operation)]

    def fired(self) -> list[Asked]:
        """The requests that met a trouble."""
        with self._changed:
            return list(self._fired)

    def wait_until(self, happened: Callable[[list[Asked]], bool], *, timeout: float = 60.0) -> bool:
        """Wait until the requests in trouble satisfy a test; returns whether they did within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: happened(self._fired), timeout=timeout)
