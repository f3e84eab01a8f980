"""Faults on purpose: rules that say which request goes wrong, and how."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Origin = Literal["hub", "cdn"]


@dataclass(frozen=True)
class Pass:
    """Nothing goes wrong. Takes a turn in a schedule of faults."""


@dataclass(frozen=True)
class Status:
    """Another status instead of the answer.

    Attributes:
        code: HTTP status, for example 429, 503 or 401.
        retry_after: seconds for the Retry-After header, None for no header.
        error_code: X-Error-Code, None for no header.
        message: X-Error-Message and body.
    """

    code: int
    retry_after: int | None = None
    error_code: str | None = None
    message: str = "A fault of the sandbox's making"


@dataclass(frozen=True)
class Drop:
    """The connection ends early.

    Attributes:
        after: bytes of the body that are sent first; None drops before the status line.
        reset: by a reset (the client's read fails); otherwise by an orderly close.
    """

    after: int | None = 0
    reset: bool = True


@dataclass(frozen=True)
class Truncate:
    """A well-formed answer that ends after some bytes of the body, and whose Content-Length agrees."""

    after: int


@dataclass(frozen=True)
class Corrupt:
    """Other bytes than declared.

    Attributes:
        offset: position in the file (not in the answer, so that every range that covers it is hit).
        length: bytes that are inverted from there on.
    """

    offset: int = 0
    length: int = 1


@dataclass(frozen=True)
class Stall:
    """Silence on an open connection, then the rest.

    Attributes:
        seconds: how long; a server that stops ends it.
        after: bytes of the body that are sent first.
    """

    seconds: float
    after: int = 0


@dataclass(frozen=True)
class Expire:
    """Signed addresses are expired: those that a resolve hands out, or the one that is being used."""


@dataclass(frozen=True)
class IgnoreRange:
    """200 and the whole file although a range was asked for, as some CDNs answer compressed files."""


@dataclass(frozen=True)
class Slow:
    """A slow answer.

    Attributes:
        seconds: wait before the first byte.
        bytes_per_second: of the body; None for no limit.
    """

    seconds: float = 0.0
    bytes_per_second: int | None = None


Effect = Pass | Status | Drop | Truncate | Corrupt | Stall | Expire | IgnoreRange | Slow


@dataclass(frozen=True)
class Rule:
    """Which requests an effect hits.

    A rule sees the requests that match it and that no earlier rule took. It lets `skip` of them through, then takes
    `times`. Rules with `times=1` in a row are therefore a schedule: the first request meets the first, and so on.

    Attributes:
        effect: what goes wrong.
        path: glob on the decoded URL path; `*` matches slashes too. Addresses of both origins end in the file's path.
        method: HTTP method, or `*`.
        origin: the Hub, the host of the signed addresses, or None for both.
        skip: matching requests to let through first.
        times: matching requests to take then; None for all.
    """

    effect: Effect
    path: str = "*"
    method: str = "*"
    origin: Origin | None = None
    skip: int = 0
    times: int | None = None

    def matches(self, *, origin: Origin, method: str, path: str) -> bool:
        """Whether the rule is about such a request, counts aside."""
        return (
            self.origin in (None, origin)
            and self.method in ("*", method)
            and (self.path == "*" or fnmatchcase(path, self.path))
        )


@dataclass(frozen=True)
class Fired:
    """A fault that happened."""

    rule: Rule
    origin: Origin
    method: str
    path: str


@dataclass
class _Counted:
    rule: Rule
    seen: int = 0


@dataclass
class Faults:
    """A list of rules that can change while the server runs; safe to use from several threads."""

    rules: Iterable[Rule] = ()
    _counted: list[_Counted] = field(init=False, default_factory=list)
    _fired: list[Fired] = field(init=False, default_factory=list)
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.replace(self.rules)

    def add(self, *rules: Rule) -> None:
        """Append rules; they count from now on."""
        with self._changed:
            self._counted += [_Counted(rule) for rule in rules]

    def replace(self, rules: Iterable[Rule]) -> None:
        """Set the rules anew, all counts at zero."""
        with self._changed:
            self._counted = [_Counted(rule) for rule in rules]

    def clear(self) -> None:
        """No more faults."""
        self.replace(())

    def take(self, *, origin: Origin, method: str, path: str) -> Effect:
        """The effect for a request that has just come in; `Pass` where no rule takes it."""
        with self._changed:
            for counted in self._counted:
                rule = counted.rule
                if not rule.matches(origin=origin, method=method, path=path):
                    continue
                if rule.times is not None and counted.seen >= rule.skip + rule.times:
                    continue
                counted.seen += 1
                if counted.seen > rule.skip:
                    self._fired.append(Fired(rule, origin, method, path))
                    self._changed.notify_all()
                    return rule.effect
        return Pass()

    def fired(self) -> list[Fired]:
        """The faults that happened so far, oldest first."""
        with self._changed:
            return list(self._fired)

    def wait_until(self, happened: Callable[[list[Fired]], bool], *, timeout: float = 60.0) -> bool:
        """Wait until the list of faults that happened satisfies a test.

        Args:
            happened: the test.
            timeout: seconds.

        Returns:
            Whether it did in time. A fault counts from the moment its request came in.
        """
        with self._changed:
            return self._changed.wait_for(lambda: happened(self._fired), timeout=timeout)
