"""Gives each pod local ports in place of the ports that it declares: pods share this machine's 127.0.0.1."""

import re
from collections.abc import Iterable, Mapping

from sandbox.kube import local_ports
from sandbox.kube.objects import Object

ANNOTATION = "sandbox.slipway.dev/local-port-"
"""Followed by a declared port, on the pod: the port of 127.0.0.1 that stands for it."""

# A port is recognised as the value of an option or a variable whose name ends in "port", or behind a local address.
_NAMED = r"(?i:port)(?:[ =:]\s*|['\"]?:\s*)"
_ADDRESS = r"(?:0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\]|(?<![\w.\-\]]))" + ":"
_ENDS_IN_PORT = re.compile(r"(?i)port$")


class PodPorts:
    """The ports of one pod, which its containers share."""

    def __init__(self, pod: Object) -> None:
        self._declared = sorted(
            {
                str(entry["containerPort"])
                for container in pod["spec"]["containers"]
                for entry in container.get("ports") or []
                if entry.get("protocol", "TCP") == "TCP"
            }
        )
        self._local: dict[str, str] = {}
        listed = "|".join(self._declared)
        self._pattern = re.compile(rf"({_NAMED}|{_ADDRESS})({listed})(?!\d)") if listed else None

    @property
    def annotations(self) -> dict[str, str]:
        """What is to be said of them on the pod."""
        return {f"{ANNOTATION}{port}": local for port, local in self._local.items()}

    def local(self, port: int) -> int:
        """Return the local port behind a declared one; one that the containers' words do not hold is the machine's."""
        return int(self._local.get(str(port), port))

    def in_words(self, words: Iterable[str]) -> list[str]:
        """Return a command line with local ports: in `--port=8080`, `--port 8080`, `PORT=8080`, `0.0.0.0:8080`."""
        found: list[str] = []
        for word in words:
            follows_name = bool(found) and bool(_ENDS_IN_PORT.search(found[-1]))
            found.append(self._own(word) if follows_name and word in self._declared else self._in_text(word))
        return found

    def in_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return variables with local ports."""
        return {
            name: self._own(value) if _ENDS_IN_PORT.search(name) and value in self._declared else self._in_text(value)
            for name, value in variables.items()
        }

    def _in_text(self, text: str) -> str:
        return self._pattern.sub(lambda match: match[1] + self._own(match[2]), text) if self._pattern else text

    def _own(self, port: str) -> str:
        if port not in self._local:
            self._local[port] = str(local_ports.choose(local_ports.POD_PORTS))
        return self._local[port]


def local_port(pod: Object, port: int) -> int:
    """Return the local port that stands for a port of a pod, as its annotations say."""
    annotations = pod["metadata"].get("annotations") or {}
    return int(annotations.get(f"{ANNOTATION}{port}", port))
