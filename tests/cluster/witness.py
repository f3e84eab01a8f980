"""Sees every pod of a namespace, also those that are gone when one asks."""

from __future__ import annotations

import subprocess
import threading
from typing import Any, Self

from k8s.cluster.connection import open_connection
from k8s.cluster.feed import Change
from k8s.cluster.watching import Source, watching

Json = dict[str, Any]
_OVER = {"Succeeded", "Failed"}


class Witness:
    """Watches until the block is left.

    Attributes:
        pods: every pod that was there, as it was last seen, by name.
        listing: what `kubectl get pods` showed while pods of all `accounts` were there; empty if they never were.
    """

    def __init__(self, namespace: str, *, accounts: set[str]) -> None:
        self._namespace, self._accounts = namespace, accounts
        self._source = Source("pods", f"/api/v1/namespaces/{namespace}/pods", {})
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._alive: dict[str, str] = {}  # accounts by name of pod
        self.pods: dict[str, Json] = {}
        self.listing = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def of(self, account: str) -> list[Json]:
        """The pods of a service account that were seen, by age."""
        found = [pod for pod in list(self.pods.values()) if pod["spec"]["serviceAccountName"] == account]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def _look(self) -> None:
        with watching(open_connection(), self._source) as feed:
            while not self._stopped.is_set():
                change = feed.next(seconds=0.5)
                if isinstance(change, Change):
                    self._note(change)

    def _note(self, change: Change) -> None:
        if change.kind == "listed":
            self._alive.clear()
        for pod in change.objects:
            name, account = pod["metadata"]["name"], pod["spec"]["serviceAccountName"]
            self.pods[name] = pod
            self._alive.pop(name, None)
            if change.kind != "deleted" and pod["status"].get("phase") not in _OVER:
                self._alive[name] = account
        if not self.listing and self._accounts <= set(self._alive.values()):
            self.listing = self._list()

    def _list(self) -> str:
        command = ["kubectl", "--namespace", self._namespace, "get", "pods"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
