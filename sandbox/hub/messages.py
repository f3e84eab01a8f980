"""Requests and answers as the Hub's logic sees them, free of sockets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.hub.errors import HubError
from sandbox.hub.faults import Origin

JSON_TYPE = "application/json; charset=utf-8"
_TRUE = {"1", "true", "yes"}


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        origin: the host that was asked.
        method: HTTP method.
        target: path and query as they came.
        headers: by name, in any case.
        body: what came with it.
        address: the address of the socket that it came in at.
        range: the Range header, None without or where a fault ignores it.
        expire: a fault wants signed addresses to be out of date.
    """

    origin: Origin
    method: str
    target: str
    headers: Message[str, str]
    body: bytes = b""
    address: str = "127.0.0.1"
    range: str | None = None
    expire: bool = False

    @property
    def segments(self) -> list[str]:
        """The path's parts, decoded one by one: a revision may hold an escaped slash."""
        return [unquote(part) for part in self.target.partition("?")[0].split("/")[1:]]

    @property
    def path(self) -> str:
        """The decoded path."""
        return "/" + "/".join(self.segments)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def host(self) -> str:
        """The host name that the client used, without the port.

        Raises:
            HubError: 400, the Host header is no host.
        """
        try:
            return urlsplit(f"//{self.headers.get('Host', self.address)}").hostname or self.address
        except ValueError as error:
            raise HubError(400, "The Host header is no host") from error

    def flag(self, name: str) -> bool:
        """A boolean in the query; False where it is missing."""
        return self.query.get(name, [""])[-1].lower() in _TRUE

    def form(self) -> dict[str, list[str]]:
        """The body's values by name, from JSON or from a form.

        Raises:
            HubError: 400, it is neither.
        """
        if "json" not in self.headers.get("Content-Type", ""):
            return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        try:
            data = json.loads(self.body)
            return {key: [str(item) for item in (v if isinstance(v, list) else [v])] for key, v in data.items()}
        except (ValueError, AttributeError) as error:
            raise HubError(400, "The body is no JSON object") from error


@dataclass(frozen=True)
class BytesBody:
    """A body in memory."""

    data: bytes = b""
    start: int = 0

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.data)

    def cut(self, length: int) -> BytesBody:
        """The first bytes of the body."""
        return replace(self, data=self.data[:length])


@dataclass(frozen=True)
class FileBody:
    """A part of a file: `length` bytes from `start` on."""

    path: Path
    start: int
    length: int

    def cut(self, length: int) -> FileBody:
        """The first bytes of the part."""
        return replace(self, length=min(length, self.length))


Body = BytesBody | FileBody


@dataclass(frozen=True)
class Response:
    """An answer; Content-Length follows from the body unless the headers say how long it is."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = BytesBody()


def json_response(document: Any, *, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401 - any JSON
    """An answer in JSON."""
    body = BytesBody(json.dumps(document, ensure_ascii=False).encode())
    return Response(headers={"Content-Type": JSON_TYPE, **(headers or {})}, body=body)


def error_response(error: HubError, *, origin: Origin) -> Response:
    """A refusal: JSON and the X-Error headers from the Hub, XML from the host of the signed addresses."""
    if origin == "cdn":
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Message>{error.message}</Message></Error>"
        return Response(error.status, {"Content-Type": "application/xml", **error.headers}, BytesBody(text.encode()))
    headers = {"Content-Type": JSON_TYPE, **error.headers, "X-Error-Message": header_safe(error.message)}
    if error.code:
        headers["X-Error-Code"] = error.code
    return Response(error.status, headers, BytesBody(json.dumps({"error": error.body}).encode()))


def header_safe(text: str) -> str:
    """Text for a header: names from a request must not end the line or leave Latin-1."""
    return "".join(char if char.isprintable() else "?" for char in text).encode("latin-1", "replace").decode("latin-1")
