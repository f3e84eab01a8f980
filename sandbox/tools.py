"""Programs of the machine that no Python package brings: found, installed where that is possible, or asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import ToolMissingError

_OS_RELEASE = Path("/etc/os-release")
_TAIL_LINES = 5


@dataclass(frozen=True)
class Tool:
    """A program.

    Attributes:
        name: of the program.
        purpose: what for, to complete "NAME, which …".
        package: of Debian and its relatives. Others will not do: the base image is made of Debian's packages.
    """

    name: str
    purpose: str
    package: str


BUILDAH = Tool("buildah", "builds container images", package="buildah")
KUBECTL = Tool("kubectl", "shows what runs in the cluster", package="kubernetes-client")
REQUIRED = (BUILDAH,)
OPTIONAL = (KUBECTL,)


def is_there(tool: Tool) -> bool:
    """Whether the program can be found; system administration's folders count, they are not on everybody's PATH."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return shutil.which(tool.name, path=folders) is not None


def require(tools: tuple[Tool, ...], say: Callable[[str], None]) -> None:
    """Install the programs that are missing, as root on Debian.

    Raises:
        ToolMissingError: they are missing and cannot be installed from here.
    """
    missing = [tool for tool in tools if not is_there(tool)]
    if not missing:
        return
    if _is_debian() and os.geteuid() == 0:
        _install([tool.package for tool in missing], say=say)
    for tool in missing:
        if not is_there(tool):
            raise ToolMissingError(tool=tool.name, purpose=tool.purpose, command=_command(tool))


def _is_debian() -> bool:
    if not _OS_RELEASE.is_file() or shutil.which("apt-get") is None:
        return False
    facts = dict(
        line.replace('"', "").split("=", 1)
        for line in _OS_RELEASE.read_text(encoding="utf-8").splitlines()
        if "=" in line
    )
    return "debian" in {facts.get("ID", ""), *facts.get("ID_LIKE", "").split()}


def _command(tool: Tool) -> str:
    install = f"apt-get install -y {tool.package}"
    return install if os.geteuid() == 0 else f"sudo {install}"


def _install(packages: list[str], *, say: Callable[[str], None]) -> None:
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        say(f"$ {' '.join(command)}")
        done = subprocess.run(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            for line in done.stdout.splitlines()[-_TAIL_LINES:]:
                say(f"    {line}")
