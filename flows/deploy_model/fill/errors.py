"""What keeps a volume from being filled: each error says what is there, and the next command."""

from __future__ import annotations

from blocks.errors import IntegrityError, RejectedError, UnavailableError

SYSTEM = "volume"
GIB = 2**30


class NoVersionError(RejectedError):
    """The store has no such version, or another one than the registry names."""

    def __init__(self, *, uri: str, wanted: str, found: str | None) -> None:
        state = f"has the manifest {found[:12]}" if found else "has no manifest, so no import of it was finished"
        super().__init__(
            SYSTEM,
            f"{uri} {state}; asked for was {wanted[:12]}. Nothing was changed. "
            "Import it, then deploy again: prefect deployment run import/<model> --watch",
        )


class FolderInUseError(RejectedError):
    """A pod reads from the folder that would have to be replaced."""

    def __init__(self, *, folder: str, held: str | None) -> None:
        held_text = f"holds the manifest {held[:12]}" if held else "holds no whole version"
        super().__init__(
            SYSTEM,
            f"a pod reads from the folder {folder}, which {held_text} and would have to be replaced. "
            "Nothing was changed. Take the service down first: prefect deployment run remove/<model> --watch",
        )


class NoSpaceError(RejectedError):
    """The version does not fit beside what must stay."""

    def __init__(self, *, needed: int, free: int, kept: tuple[str, ...]) -> None:
        beside = f" beside {', '.join(kept)}" if kept else ""
        super().__init__(
            SYSTEM,
            f"{needed / GIB:.1f} GiB are still to come and {max(free, 0) / GIB:.1f} GiB are free{beside}. "
            "Raise storage.size in deployments/models/, then see whether the volume grew: kubectl get pvc",
        )


class VolumeError(RejectedError):
    """The volume's file system refused something."""

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(
            SYSTEM,
            f"{path}: {reason}. If the volume belongs to root, set SLIPWAY_VOLUME_FS_GROUP; "
            "look at it: kubectl describe pvc",
        )


class CorruptObjectError(IntegrityError):
    """An object's bytes are not those that the import proved."""

    def __init__(self, *, uri: str, expected: str, got: str) -> None:
        super().__init__(
            SYSTEM,
            f"{uri} has the SHA-256 {got[:12]}, the manifest says {expected[:12]}: its bytes changed after the import. "
            f"Remove it and import again: aws s3 rm {uri}",
        )


class VolumeBusyError(UnavailableError):
    """Another fill works on the volume."""

    def __init__(self) -> None:
        super().__init__(
            SYSTEM,
            "another fill works on it. Wait for its Job: kubectl get jobs -A -l app.kubernetes.io/name=fill-volume",
        )
