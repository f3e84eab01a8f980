"""A pod's volumes as local folders: emptyDir, configMap, secret, projected, downwardAPI and claims."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.kube.kubelet.environment import ConfigError, Lookup, field_value, find
from sandbox.kube.objects import Object, namespace_of

_DEFAULT_MODE = 0o644


class VolumeRefusedError(Exception):
    """A volume of a kind that the sandbox does not have."""

    def __init__(self, *, name: str, kind: str) -> None:
        super().__init__(
            f'volume "{name}": the sandbox has no {kind} volumes. Use emptyDir, configMap, secret, projected, '
            "downwardAPI or persistentVolumeClaim"
        )


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """Makes the volumes of one pod."""

    pod: Object
    folder: Path  # this pod's
    claims: Path  # where claims have their folders, by namespace and name
    lookup: Lookup
    token: str

    async def prepare(self) -> dict[str, Path]:
        """Make every volume and return its folder by name.

        Raises:
            ConfigError: what a volume holds is missing yet.
            VolumeRefusedError: it never will be there.
        """
        return {volume["name"]: await self._make(volume) for volume in self.pod["spec"].get("volumes") or []}

    async def _make(self, volume: Object) -> Path:
        folder: Path = self.folder / volume["name"]
        if claim := volume.get("persistentVolumeClaim"):
            await self._claim(claim["claimName"])
            folder = self.claims / namespace_of(self.pod) / claim["claimName"]
        folder.mkdir(parents=True, exist_ok=True)
        if "emptyDir" in volume or claim:
            return folder
        kind = next(key for key in volume if key != "name")
        sources = volume["projected"]["sources"] if kind == "projected" else [{kind: volume[kind]}]
        for source in sources:
            ((what, details),) = source.items()
            files = await self._files(volume["name"], what, details)
            mode = (volume[kind] or {}).get("defaultMode") or _DEFAULT_MODE
            for path, data in files.items():
                _write(folder, path, data, mode)
        return folder

    async def _claim(self, name: str) -> None:
        if await find(self.lookup, "PersistentVolumeClaim", {"name": name, "optional": True}) is None:
            raise ConfigError(f'persistentvolumeclaim "{name}" not found')

    async def _files(self, volume: str, kind: str, details: Object) -> dict[str, bytes]:
        if kind == "downwardAPI":
            items = details.get("items") or []
            return {item["path"]: field_value(self.pod, item["fieldRef"]["fieldPath"]).encode() for item in items}
        if kind == "serviceAccountToken":
            return {details["path"]: self.token.encode()}
        if kind not in {"configMap", "secret"}:
            raise VolumeRefusedError(name=volume, kind=kind)
        reference = {"name": details.get("name") or details.get("secretName"), "optional": details.get("optional")}
        data = await find(self.lookup, "Secret" if kind == "secret" else "ConfigMap", reference)
        if data is None or not details.get("items"):
            return data or {}
        missing = [item["key"] for item in details["items"] if item["key"] not in data]
        if missing and not details.get("optional"):
            raise ConfigError(f"references non-existent {kind} key: {missing[0]}")
        return {item["path"]: data[item["key"]] for item in details["items"] if item["key"] in data}


def mounts(container: Object, volumes: dict[str, Path]) -> dict[str, str]:
    """Return the local path of each of a container's mount paths.

    Raises:
        ConfigError: it mounts a volume that the pod does not have, or a sub-path outside of it.
    """
    found = {}
    for mount in container.get("volumeMounts") or []:
        if mount["name"] not in volumes:
            raise ConfigError(f'volumeMount "{mount["name"]}" names no volume of the pod')
        root = volumes[mount["name"]].resolve()
        local = (root / (mount.get("subPath") or "")).resolve()
        if not local.is_relative_to(root):
            raise ConfigError(f'subPath "{mount["subPath"]}" leaves its volume')
        if not local.exists():
            local.mkdir(parents=True)
        found[mount["mountPath"]] = str(local)
    return found


def _write(folder: Path, path: str, data: bytes, mode: int) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f'path "{path}" leaves its volume')
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    target.chmod(mode)
    target.write_bytes(data)
