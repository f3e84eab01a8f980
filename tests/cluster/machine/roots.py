"""Root folders of small Debians, made by debootstrap once and kept in the user's cache: nothing can be pulled."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine import debian
from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError, PackagesError
from tests.cluster.machine.kubernetes import cache

_POLICY = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
_JUNK = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")
_POSTGRES_START = """\
#!/bin/sh
# What the upstream image does with its variables: a new volume gets a database, then the server runs.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" > /tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -j postgres
fi
exec postgres -c listen_addresses='*' -c jit=off
"""


@dataclass(frozen=True)
class System:
    """A small Debian.

    Attributes:
        name: of its archive.
        packages: what it has beyond the minimum.
        files: more files, as path and text.
        lines: of the Containerfile, after the root folder is in.
    """

    name: str
    packages: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()


# Buildah pulls nothing without a policy, and takes root's user namespace from these ranges.
# netavark: debootstrap resolves no virtual package, and Buildah depends on one.
BUILDER = System("builder", ("buildah", "ca-certificates", "netavark"), (("etc/containers/policy.json", _POLICY),))
PYTHON = System("python", ("ca-certificates", "python3"))
# 999 is the upstream image's user, whose the volume is.
POSTGRES = System(
    "postgres",
    ("postgresql-15",),
    (("usr/local/bin/start-postgres", _POSTGRES_START),),
    (
        "RUN usermod --uid 999 postgres && groupmod --gid 999 postgres",
        "ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin",
        "USER 999:999",
        'ENTRYPOINT ["/bin/sh", "/usr/local/bin/start-postgres"]',
    ),
)


def containerfile(system: System, *, archive: Path) -> str:
    """Return the Containerfile of an image of this root folder; the archive is in its context."""
    return "\n".join(("FROM scratch", f"ADD {archive.name} /", *system.lines, ""))


def archive(system: System, *, log: Path) -> Path:
    """Return the archive of a root folder; make it first if it is not there (a minute).

    Raises:
        MachineError: debootstrap or tar failed.
    """
    suite = debian.suite()
    recipe = hashlib.sha256(repr((system.packages, system.files, _JUNK)).encode()).hexdigest()[:12]
    kept = cache() / "roots" / f"{system.name}-{suite}-{recipe}.tar"
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="root-", dir=kept.parent) as scratch:
        folder = Path(scratch) / "root"
        include = f"--include={','.join(system.packages)}"
        try:
            run(["debootstrap", "--variant=minbase", include, suite, folder, debian.archive()], log=log)
        except CommandFailedError as error:
            raise PackagesError(reason=str(error)) from error
        for junk in _JUNK:
            shutil.rmtree(folder / junk)
            (folder / junk).mkdir()
        for path, text in system.files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        draft = Path(scratch) / "root.tar"
        packing = ["tar", "--create", "--numeric-owner", "--sort=name", "--exclude=./dev/*", f"--file={draft}"]
        run([*packing, "-C", folder, "."])
        draft.rename(kept)
    return kept
