"""Reads byte ranges of one file of the Hub, and goes on where a connection breaks off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError

from blocks.backoff import Backoff
from blocks.errors import BlockError
from blocks.hub_answers import (
    InterruptedReadError,
    Location,
    check_declared,
    check_range,
    connection_failure,
    ended_early,
    refusal,
    trickled,
)
from blocks.hub_connections import Connections
from blocks.hub_errors import Question, ReadCancelledError, ReadGivenUpError, UnexpectedAnswerError
from blocks.hub_files import HubFile
from blocks.hub_pace import Pace

CHUNK_BYTES = 1 << 18
"""What a connection has to give within the time that a silence may last: 4.4 kB/s of the default 60 s.

A line of 1 Mbit/s gives each of the default eight connections 15 kB/s.
"""
REDIRECTS = 5
MOVED = frozenset({301, 302, 303, 307, 308})
OK, PARTIAL = 200, 206


class RangedFile:
    """One file of a commit, readable in ranges from several threads.

    A read resumes at its offset after a dropped, truncated, stalled or trickling connection. The Hub's redirect to a
    signed URL is followed once and shared by all ranges; where the storage host no longer takes it, it is asked for
    again. The token never goes to another host than the endpoint.

    Args:
        file: what the Hub declares.
        question: names the file's repository and commit; builds the errors.
        authorization: the Authorization header for the endpoint, or None.
        connections: the pools.
        attempts: failures in a row, without a byte in between, after which a read fails; 1 where the caller retries.
    """

    def __init__(
        self,
        file: HubFile,
        *,
        question: Question,
        authorization: str | None,
        connections: Connections,
        attempts: int,
    ) -> None:
        self.file = file
        self._question = question
        self._authorization = authorization
        self._connections = connections
        self._attempts = attempts
        where = f"{question.repo}/resolve/{quote(question.revision, safe='')}/{quote(file.path)}"
        self._source = Location(f"{question.endpoint}/{where}", ours=True)
        self._location: Location | None = None
        self._unresolved: InterruptedReadError | None = None
        self._resolving = threading.Lock()
        self._closed = threading.Event()
        self._open: set[urllib3.BaseHTTPResponse] = set()
        self._open_lock = threading.Lock()

    def read_into(self, start: int, view: memoryview) -> None:
        """Fill a buffer with the file's bytes from `start` on.

        Raises:
            ReadGivenUpError: no byte came in all attempts.
            BlockError: what no further attempt would mend, at once.
        """
        done = 0
        backoff = Backoff(attempts=self._attempts)

        def arrived(count: int) -> None:
            nonlocal done
            done += count
            backoff.progress()

        while done < len(view):
            try:
                self._read_once(start + done, view[done:], arrived)
            except InterruptedReadError as failure:
                if backoff.exhausted():
                    raise self._in_the_end(failure.error) from failure
                self._closed.wait(backoff.delay(asked=failure.after))

    def read(self, start: int, stop: int) -> bytes:
        """Read the bytes from `start` up to, not including, `stop`; errors as `read_into`."""
        buffer = bytearray(stop - start)
        self.read_into(start, memoryview(buffer))
        return bytes(buffer)

    def close(self) -> None:
        """Cancel all reads, from whichever thread; they raise ReadCancelledError."""
        self._closed.set()
        with self._open_lock:
            for response in self._open:
                _shut_down(response)

    def _read_once(self, start: int, view: memoryview, arrived: Callable[[int], None]) -> None:
        response = self._request(start, start + len(view))
        self._watch(response)
        host, done = (self._location or self._source).host, 0
        pace = Pace(seconds=self._connections.stall_seconds, end=partial(self._end, response))
        try:
            with pace:
                while done < len(view):
                    count = response.readinto(view[done : done + CHUNK_BYTES])
                    if pace.too_slow:  # what came of the chunk is no progress, else a trickle would never be given up
                        raise trickled(CHUNK_BYTES, seconds=pace.seconds, host=host)
                    if count == 0:
                        raise ended_early(len(view) - done, host=host)
                    done += count
                    pace.arrived()
                    arrived(count)
        except (HTTPError, OSError) as error:
            self._check_open()
            if pace.too_slow:
                raise trickled(CHUNK_BYTES, seconds=pace.seconds, host=host) from error
            raise connection_failure(error, host=host) from error
        finally:
            with self._open_lock:
                self._open.discard(response)
            if done < len(view) or pace.too_slow:
                response.close()  # its unread rest would be taken for the next answer
            response.release_conn()

    def _watch(self, response: urllib3.BaseHTTPResponse) -> None:
        with self._open_lock:
            self._open.add(response)
        if self._closed.is_set():
            with self._open_lock:
                self._open.discard(response)
            response.close()
            raise ReadCancelledError(path=self.file.path)

    def _end(self, response: urllib3.BaseHTTPResponse) -> None:
        """End the read of one answer, unless it just ended: its connection may serve another one by now."""
        with self._open_lock:
            if response in self._open:
                _shut_down(response)

    def _in_the_end(self, error: BlockError) -> BlockError:
        """Name the error after the last attempt: what was retried here, nobody shall retry once more."""
        if self._attempts == 1 or not error.transient:
            return error
        return ReadGivenUpError(path=self.file.path, attempts=self._attempts, last=error)

    def _request(self, start: int, stop: int) -> urllib3.BaseHTTPResponse:
        location = self._location
        return self._follow(location, start, stop) if location else self._resolve(start, stop)

    def _resolve(self, start: int, stop: int) -> urllib3.BaseHTTPResponse:
        """Get a range by way of the Hub. Ranges that wait meanwhile share the outcome, a failure too.

        Else a Hub that is silent would be asked by one after the other, each for as long as a stall.
        """
        before = self._unresolved
        with self._resolving:
            location = self._location
            if location is None:
                if (failure := self._unresolved) is not None and failure is not before:
                    raise failure
                try:
                    return self._follow(self._source, start, stop)
                except InterruptedReadError as error:
                    self._unresolved = error
                    raise
        return self._follow(location, start, stop)

    def _follow(self, first: Location, start: int, stop: int) -> urllib3.BaseHTTPResponse:
        """Get a range, from the location or from where it redirects to; remember where the Hub's redirect led.

        A range that still got through with a signed URL says nothing of it: it may be out of date by now.
        """
        location = first
        for _ in range(REDIRECTS):
            response = self._get(location, start, stop)
            if response.status in {OK, PARTIAL}:
                check_range(self.file, response, start=start, stop=stop)
                if first is self._source:
                    self._location = location
                return response
            response.drain_conn()
            if response.status not in MOVED:
                if location == self._location:
                    self._location = None  # perhaps a signed URL out of date: the next attempt asks the Hub again
                raise refusal(self._question, response, location)
            check_declared(self.file, response)
            location = location.redirected(response.headers.get("Location", ""))
        raise UnexpectedAnswerError(host=self._question.endpoint, answer=f"more than {REDIRECTS} redirects")

    def _get(self, location: Location, start: int, stop: int) -> urllib3.BaseHTTPResponse:
        self._check_open()
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity", "User-Agent": "slipway"}
        if location.ours and self._authorization:
            headers["Authorization"] = self._authorization
        try:
            return self._connections.get(location.url, headers=headers)
        except (HTTPError, OSError) as error:
            raise connection_failure(error, host=location.host) from error

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ReadCancelledError(path=self.file.path)


def _shut_down(response: urllib3.BaseHTTPResponse) -> None:
    # A response that its reader just finished has no socket to shut down any more.
    with suppress(ValueError, RuntimeError, OSError):
        response.shutdown()
