"""The packet rules of kubelet, kube-proxy and the network plugins: found by their names, and taken away again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tests.cluster.machine.commands import run

TOOLS = ("iptables", "ip6tables")

_THEIRS = re.compile(r"\b(KUBE|CNI)-")
_SECONDS = 60.0


def marked(tool: str) -> list[str]:
    """Return the chains and rules with the names of Kubernetes and its network plugins, each after its table's name.

    Args:
        tool: `iptables` or `ip6tables`.
    """
    return marked_lines(run([f"{tool}-save"], seconds=_SECONDS).splitlines())


def marked_lines(saved: Iterable[str]) -> list[str]:
    """Find the same in what `iptables-save` printed: `nat :KUBE-SERVICES`, `nat -A POSTROUTING -j KUBE-POSTROUTING`."""
    found, table = [], ""
    for line in saved:
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith((":", "-A ")) and _THEIRS.search(line):
            # A chain's line goes on with its policy and counters, which change.
            found.append(f"{table} {line.split()[0] if line.startswith(':') else line}")
    return found


def removal(found: Sequence[str]) -> str:
    """Return what `iptables-restore --noflush` takes to remove these chains and rules, and nothing else."""
    text = []
    for table in dict.fromkeys(entry.partition(" ")[0] for entry in found):
        entries = [entry.partition(" ")[2] for entry in found if entry.startswith(f"{table} ")]
        chains = [entry[1:] for entry in entries if entry.startswith(":")]
        rules = [entry.removeprefix("-A ") for entry in entries if entry.startswith("-A ")]
        # A chain can only be deleted when it is empty and no rule leads to it.
        text += [f"*{table}", *(f"-D {rule}" for rule in rules if rule.split()[0] not in chains)]
        text += [*(f"-F {chain}" for chain in chains), *(f"-X {chain}" for chain in chains), "COMMIT"]
    return "".join(f"{line}\n" for line in text)


def remove(tool: str, *, before: Sequence[str]) -> None:
    """Remove what has come since.

    Args:
        tool: `iptables` or `ip6tables`.
        before: what `marked` found before the cluster was made; it is somebody else's.

    Raises:
        MachineError: a rule cannot be removed.
    """
    ours = [entry for entry in marked(tool) if entry not in before]
    if ours:
        # -w waits for others that change rules; without a flush it touches no rule of theirs.
        run([f"{tool}-restore", "-w", "--noflush"], given=removal(ours), seconds=_SECONDS)
