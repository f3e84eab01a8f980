"""Signed addresses: whoever has one may read one file for a while, without a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from sandbox.hub.errors import HubError


class Signer:
    """Makes and checks signed addresses of one server's lifetime.

    Args:
        seconds: how long an address is good for.
    """

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._secret = secrets.token_bytes(32)

    def sign(self, path: str, *, filename: str, expired: bool = False) -> str:
        """The address below the CDN's host, path and query.

        Args:
            path: decoded, with a leading slash.
            filename: the name a browser would save the file under.
            expired: whether it is out of date already (a fault).
        """
        expires = f"{time.time() + (-1.0 if expired else self._seconds):.3f}"
        query = {
            "response-content-disposition": disposition(filename),
            "Expires": expires,
            "Signature": self._signature(path, expires=expires),
        }
        return f"{quote(path)}?{urlencode(query)}"

    def check(self, path: str, *, query: Mapping[str, str]) -> None:
        """Raise HubError 403, as CDNs say it, unless the address is ours and good now."""
        expires = query.get("Expires", "")
        if not hmac.compare_digest(self._signature(path, expires=expires), query.get("Signature", "")):
            raise HubError(403, "The request signature does not match")
        if float(expires) <= time.time():
            raise HubError(403, "Request has expired")

    def _signature(self, path: str, *, expires: str) -> str:
        return hmac.new(self._secret, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def disposition(filename: str) -> str:
    """The Content-Disposition header for a file name."""
    plain = filename.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    return f"inline; filename*=UTF-8''{quote(filename)}; filename=\"{plain}\";"
