"""HTTP connections for ranged reads: pooled, verified, timed, and through the environment's proxy."""

from __future__ import annotations

import threading
import urllib.request
from functools import partial
from urllib.parse import urlsplit

import urllib3
from urllib3.util import Timeout

CONNECT_SECONDS = 10.0


class Connections:
    """Keep-alive connections to the Hub and to its storage hosts; safe to share between threads.

    Args:
        ca_bundle: a PEM file of trusted authorities, as `trusted` gives it; None for the system's.
        stall_seconds: how long a connection may be silent, and a chunk of a body may take, before it counts as stalled.
        per_host: connections that are kept for one host; more may be open at a time.
    """

    def __init__(self, *, ca_bundle: str | None, stall_seconds: float, per_host: int) -> None:
        self._ca_bundle = ca_bundle
        self.stall_seconds = stall_seconds
        self._timeout = Timeout(connect=CONNECT_SECONDS, read=stall_seconds)
        self._per_host = per_host
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def get(self, url: str, *, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Send a GET once and return the answer with its body unread; redirects and failures are the caller's.

        Raises:
            urllib3.exceptions.HTTPError: no answer.
        """
        return self._pool(url).request(
            "GET",
            url,
            headers=headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url)
        with self._lock:
            if proxy not in self._pools:
                make = partial(urllib3.ProxyManager, proxy) if proxy else urllib3.PoolManager
                self._pools[proxy] = make(
                    maxsize=self._per_host, cert_reqs="CERT_REQUIRED", ca_certs=self._ca_bundle, retries=False
                )
            return self._pools[proxy]


def proxy_for(url: str) -> str | None:
    """Find the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY prescribe for an address; None for a direct way."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
