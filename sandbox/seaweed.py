"""How SeaweedFS is run as the sandbox's S3: one process with master, volume, filer and gateway."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.health import Probe
from sandbox.layout import Layout, program, write_private

PORTS = (
    "s3",
    "s3-grpc",
    "s3-master",
    "s3-master-grpc",
    "s3-volume",
    "s3-volume-grpc",
    "s3-filer",
    "s3-filer-grpc",
    "s3-metrics",
)
# Its filer waits 15 s for streams that its own gateway holds open. It keeps what was acknowledged also when it is
# killed, so we do not wait with it.
STOP_SECONDS = 1.0

_VOLUME_MIB = 1024


def command(at: Layout) -> tuple[str, ...]:
    """The program and its arguments."""
    ports = at.ports
    return (
        *(program("weed"), "-logtostderr=true", "server", f"-dir={_data(at)}", "-ip=127.0.0.1"),
        f"-master.port={ports['s3-master']}",
        f"-master.port.grpc={ports['s3-master-grpc']}",
        f"-master.volumeSizeLimitMB={_VOLUME_MIB}",
        "-master.telemetry=false",
        # It is alone, and by default waits ten seconds after a restart for somebody to vote with.
        *("-master.electionTimeout=200ms", "-master.heartbeatInterval=50ms"),
        f"-volume.port={ports['s3-volume']}",
        f"-volume.port.grpc={ports['s3-volume-grpc']}",
        *("-volume.max=0", "-volume.preStopSeconds=0"),
        f"-filer.port={ports['s3-filer']}",
        f"-filer.port.grpc={ports['s3-filer-grpc']}",
        # Counts of requests by their kind, for measurements.
        f"-metricsPort={ports['s3-metrics']}",
        "-s3",
        f"-s3.port={ports['s3']}",
        f"-s3.port.grpc={ports['s3-grpc']}",
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        f"-s3.config={_identities(at)}",
        # A missing bucket is an error on every other store too.
        "-s3.autoCreateBucket=false",
    )


def probes(at: Layout) -> tuple[Probe, ...]:
    """The gateway answers before there is a volume to write to, so the master is asked too."""
    return (
        Probe(f"{at.url('s3')}/healthz"),
        Probe(f"{at.url('s3-master')}/dir/status", contains='"DataNodes":[{'),
    )


def prepare(at: Layout) -> None:
    """Write who may do what: an importer who may write, a reader who may not, and nobody without a key."""
    _data(at).mkdir(parents=True, exist_ok=True)
    importer = {
        "name": "importer",
        "credentials": [{"accessKey": at.secrets.s3_access_key, "secretKey": at.secrets.s3_secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    reader = {
        "name": "reader",
        "credentials": [{"accessKey": at.secrets.s3_reader_access_key, "secretKey": at.secrets.s3_reader_secret_key}],
        "actions": ["Read", "List"],
    }
    write_private(_identities(at), json.dumps({"identities": [importer, reader]}, indent=1) + "\n")


def sockets(at: Layout) -> tuple[Path, ...]:
    """Unix sockets that it makes outside the state folder, and leaves there when it is killed."""
    # The folder is fixed in its code, TMPDIR does not move it.
    folder = Path("/tmp")  # noqa: S108
    servers = ("master", "volume", "filer", "s3")
    grpc = {server: at.ports["s3-grpc" if server == "s3" else f"s3-{server}-grpc"] for server in servers}
    http = {"filer": at.ports["s3-filer"], "s3": at.ports["s3"]}
    return (
        *(folder / f"seaweedfs-{server}-grpc-{port}.sock" for server, port in grpc.items()),
        *(folder / f"seaweedfs-{server}-{port}.sock" for server, port in http.items()),
    )


def _data(at: Layout) -> Path:
    return at.root / "s3" / "data"


def _identities(at: Layout) -> Path:
    return at.root / "s3" / "identities.json"
