"""Where a sandbox keeps what: one folder, with the ports and throw-away secrets that belong to it."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sandbox import ports as ports_module
from sandbox.errors import NotOurStateError

STATE_VARIABLE = "SLIPWAY_SANDBOX_STATE"
PROJECT = Path(__file__).resolve().parents[1]
BUCKET = "llm-models"
NAMESPACE = "private-ai-demo"

_MARK = "slipway-sandbox"  # this file says that the folder is ours to delete


@dataclass(frozen=True)
class Secrets:
    """Throw-away secrets, made once per state folder and worth nothing outside it."""

    s3_access_key: str
    s3_secret_key: str
    s3_reader_access_key: str
    s3_reader_secret_key: str
    hub_token: str
    image_registry_password: str


@dataclass(frozen=True)
class Layout:
    """The paths and addresses of one sandbox.

    Attributes:
        root: the state folder, absolute.
        ports: by the names of `sandbox.ports.NAMES`.
        secrets: what its services accept.
    """

    root: Path
    ports: Mapping[str, int]
    secrets: Secrets

    @property
    def logs(self) -> Path:
        """`{service}.log` files."""
        return self.root / "logs"

    @property
    def images(self) -> Path:
        """OCI layouts: the base image and what the import builds."""
        return self.root / "images"

    @property
    def base_image(self) -> Path:
        """The OCI layout that the runtime image starts from."""
        return self.images / "base"

    @property
    def runtime_image(self) -> Path:
        """The OCI layout that imports push the runtime image to, and that predictors run from."""
        return self.images / "slipway-vllm"

    @property
    def base_image_name(self) -> Path:
        """A file that holds the base image's reference; missing until the image is there."""
        return self.images / "base.name"

    @property
    def prefect_home(self) -> Path:
        """The Prefect server's database, and the settings of its clients."""
        return self.root / "prefect"

    @property
    def kubeconfig(self) -> Path:
        """How to reach the sandbox's Kubernetes API; the API server writes it."""
        return self.root / "kubeconfig"

    @property
    def image_map(self) -> Path:
        """Image name → local environment, for the kubelet."""
        return self.root / "kube" / "images.json"

    @property
    def nodes(self) -> Path:
        """The nodes that the kubelet stands for."""
        return self.root / "kube" / "nodes.json"

    @property
    def hub(self) -> Path:
        """The repositories that the hub serves."""
        return self.root / "hub"

    def log(self, service: str) -> Path:
        """The log of a service."""
        return self.logs / f"{service}.log"

    def pid_file(self, service: str) -> Path:
        """Which process a service is."""
        return self.root / "pids" / f"{service}.json"

    def url(self, port: str) -> str:
        """The address of a server."""
        return f"http://127.0.0.1:{self.ports[port]}"


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder that SLIPWAY_SANDBOX_STATE names, or `.sandbox` of the project."""
    named = environment.get(STATE_VARIABLE)
    return Path(named).expanduser().resolve() if named else PROJECT / ".sandbox"


def recorded_ports(root: Path) -> dict[str, int]:
    """The ports that an earlier start of this sandbox chose; empty before the first."""
    file = root / "ports.json"
    if not file.is_file():
        return {}
    return {str(name): int(port) for name, port in json.loads(file.read_text(encoding="utf-8")).items()}


def claim(root: Path) -> Path:
    """Make the state folder ours, or find that it is; return the file that marks it.

    Raises:
        NotOurStateError: the folder holds somebody else's files.
    """
    # In this order: the mark is the first file that another command makes here at the same time.
    if root.exists() and any(root.iterdir()) and not is_ours(root):
        raise NotOurStateError(folder=root, variable=STATE_VARIABLE)
    root.mkdir(parents=True, exist_ok=True)
    (root / _MARK).touch()
    return root / _MARK


def prepare(root: Path, *, ports: Mapping[str, int]) -> Layout:
    """Make what every sandbox has in its state folder, or take what is there."""
    claim(root)
    layout = Layout(root=root, ports=dict(ports), secrets=_secrets(root / "secrets.json"))
    for folder in (layout.logs, layout.images, layout.hub, layout.image_map.parent, layout.pid_file("x").parent):
        folder.mkdir(exist_ok=True)
    write_private(root / "ports.json", json.dumps(layout.ports, indent=1) + "\n")
    return layout


def open_existing(root: Path, *, ports: Mapping[str, int]) -> Layout | None:
    """The layout of a sandbox that was started before; None if there never was one."""
    if not is_ours(root) or not (root / "secrets.json").is_file():
        return None
    return Layout(root=root, ports=dict(ports), secrets=_secrets(root / "secrets.json"))


def is_ours(root: Path) -> bool:
    """Whether the sandbox made this folder, and may delete it."""
    return (root / _MARK).is_file()


def program(name: str) -> str:
    """A program of the Python environment that runs us, or of the machine."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name


def choose_ports(root: Path, *, environment: Mapping[str, str]) -> dict[str, int]:
    """The ports of the sandbox in this folder: as the environment says, else as it recorded them, else the defaults."""
    return ports_module.choose(environment, recorded=recorded_ports(root))


def _secrets(file: Path) -> Secrets:
    if file.is_file():
        known = json.loads(file.read_text(encoding="utf-8"))
        if set(known) == {field.name for field in fields(Secrets)}:
            return Secrets(**known)
    made = Secrets(
        s3_access_key=f"importer-{secrets.token_hex(6)}",
        s3_secret_key=secrets.token_urlsafe(30),
        s3_reader_access_key=f"reader-{secrets.token_hex(6)}",
        s3_reader_secret_key=secrets.token_urlsafe(30),
        hub_token=f"hf_{secrets.token_hex(17)}",
        image_registry_password=secrets.token_urlsafe(24),
    )
    write_private(file, json.dumps(asdict(made), indent=1) + "\n")
    return made


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)
