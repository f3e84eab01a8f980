"""How the registry says no: one exception, one JSON shape (the API's `Error`)."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 - most of these are ordinary answers, not errors of the server
    """A request that is answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def refused(_: Request, refusal: Exception) -> JSONResponse:
    """Answer a `Refusal` or one of Starlette's own HTTP errors (no such route, method not allowed)."""
    if isinstance(refusal, Refusal):
        return _error(refusal.status, refusal.message)
    if isinstance(refusal, HTTPException):
        return _error(refusal.status_code, refusal.detail, headers=dict(refusal.headers or {}))
    raise refusal


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": HTTPStatus(status).phrase, "message": message}, status_code=status, headers=headers)
