"""What it takes to start a container: its command, environment and folders, from the image and the pod."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.kube.kubelet.environment import ConfigError, Lookup, expand, variables
from sandbox.kube.kubelet.images import Image, ImageMap
from sandbox.kube.kubelet.paths import rewriter
from sandbox.kube.kubelet.ports import PodPorts
from sandbox.kube.kubelet.process import MARK
from sandbox.kube.kubelet.volumes import mounts
from sandbox.kube.objects import Object, uid_of

Tell = Callable[[str, str, str], Awaitable[None]]  # records an event: reason, message, type


@dataclass(kw_only=True)
class Surroundings:
    """What the containers of one pod share."""

    pod: Object
    folder: Path
    images: ImageMap
    lookup: Lookup
    tell: Tell
    changed: Callable[[], None]
    ports: PodPorts
    announce: Callable[[dict[str, str]], Awaitable[None]]  # writes annotations of the pod
    volumes: dict[str, Path] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A container that can be started."""

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    rewrite: Callable[[str], str]  # container paths to local ones
    message_file: Path


async def prepare(spec: Object, pod: Surroundings, image: Image, folder: Path) -> Launch:
    """Make a container's folders and work out what to start.

    Raises:
        ConfigError: something that it refers to is missing.
    """
    for part in ("logs", "work"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    message_file = folder / "termination-log"
    message_file.write_bytes(b"")
    rewrite = rewriter({spec["terminationMessagePath"]: str(message_file), **mounts(spec, pod.volumes)})
    mark = f"{uid_of(pod.pod)}/{spec['name']}"
    base = {"PATH": ":".join(image.path), **pod.env, **image.env, MARK: mark}
    env = await variables(pod.pod, spec, base, pod.lookup) | {MARK: mark}
    command = spec.get("command") or image.entrypoint
    arguments = spec.get("args") or (() if spec.get("command") else image.command)
    argv = pod.ports.in_words(rewrite(expand(word, env)) for word in (*command, *arguments))
    if not argv:
        raise ConfigError("no command specified")
    # What the kubelet and the image map set are local paths already, even if a mount path occurs in them.
    told = {name: rewrite(value) for name, value in env.items() if base.get(name) != value}
    inside = {**env, **pod.ports.in_variables(told)}
    if "TMPDIR" in told:
        # A folder of a volume is too deep here for the Unix sockets that programs make in TMPDIR.
        inside["TMPDIR"] = pod.env["TMPDIR"]
    cwd = Path(rewrite(spec.get("workingDir") or image.workdir) or folder / "work")
    return Launch(argv=argv, env=inside, cwd=cwd, rewrite=rewrite, message_file=message_file)
