"""What stops an installation: each error says what is missing or failed, and the next command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_AGAIN = "python -m flows.apply_platform"


class PlatformError(Exception):
    """The platform is not as it should be.

    Attributes:
        transient: True where the same command can succeed later without anybody acting.
        sentence: what is wrong and what to do, for people.
        problems: one sentence each.
    """

    transient: bool = False

    def __init__(self, sentence: str, *, problems: Sequence[str] = ()) -> None:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{sentence}{listed}")
        self.sentence = sentence
        self.problems = tuple(problems)


class PlatformPreflightError(PlatformError):
    """Something that the installation needs is not there; nothing was changed."""

    def __init__(self, *, problems: Sequence[str]) -> None:
        super().__init__(
            f"platform: nothing was changed, because of {_count(problems)}. Mend them, then run `{_AGAIN}` again:",
            problems=problems,
        )


class SecretsRefusedError(PlatformError):
    """The Secrets changed between the preflight and their turn."""

    def __init__(self, *, problems: Sequence[str]) -> None:
        super().__init__(f"platform: no Secret was written. Mend this, then run `{_AGAIN}` again:", problems=problems)


class NotConvergedError(PlatformError):
    """Objects were applied, but not all of them became ready."""

    def __init__(self, *, problems: Sequence[str]) -> None:
        super().__init__(
            f"platform: applied, but {_count(problems, 'part')} did not become ready. "
            f"Mend what is said, then run `{_AGAIN}` again; it goes on where it stopped:",
            problems=problems,
        )


class NotVerifiedError(PlatformError):
    """Everything is ready, and yet something does not do what it is for."""

    def __init__(self, *, problems: Sequence[str]) -> None:
        super().__init__(
            f"platform: everything is ready, but {_count(problems, 'check')} failed. Look it up in docs/runbook.md, "
            f"then run `{_AGAIN}` again:",
            problems=problems,
        )


class MissingKindsError(PlatformError):
    """The cluster does not know kinds that the platform consists of."""

    def __init__(self, *, kinds: Sequence[str]) -> None:
        super().__init__(
            f"this cluster does not know {', '.join(kinds)}. Install what brings them (KServe, or the OpenShift AI "
            "operators), then check: kubectl api-resources"
        )


class NotAdministratorError(PlatformError):
    """The kubeconfig's user may not install the platform."""

    def __init__(self, *, rights: Sequence[str]) -> None:
        shown = "; ".join(rights[:6]) + (f"; and {len(rights) - 6} more" if len(rights) > 6 else "")  # noqa: PLR2004 - what fits a line
        super().__init__(
            f"not allowed to {shown}. Use an administrator's kubeconfig, then check: "
            f"kubectl auth can-i {rights[0].replace(' -n ', ' --namespace=')}"
        )


class NoStorageClassError(PlatformError):
    """Claims name no storage class, and the cluster has no default."""

    def __init__(self, *, claims: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(claims)} ask for the default storage class, and none is marked as default "
            f"(there {'are ' + ', '.join(known) if known else 'is none at all'}). Mark one: kubectl annotate "
            "storageclass <name> storageclass.kubernetes.io/is-default-class=true"
        )


class RequiredInputError(PlatformError):
    """An image of ours is still the placeholder."""

    def __init__(self, *, image: str, users: Sequence[str]) -> None:
        super().__init__(
            f"{image} of {', '.join(users)} is a required input. Set it, for example: "
            "export SLIPWAY_FLOWS_IMAGE=registry.example.com/team/slipway-flows:1.0.0"
        )


class NoRepositoryError(PlatformError):
    """Nobody said where runtime images go."""

    def __init__(self) -> None:
        super().__init__(
            "nobody says where runtime images are pushed. Set it, for example: "
            "export SLIPWAY_IMAGE_REPOSITORY=docker://registry.example.com/team/slipway-vllm"
        )


class PreviewError(PlatformError):
    """The API refuses some of the objects; found by a dry run."""

    def __init__(self, *, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))


class LoginFileError(PlatformError):
    """The file of registry logins cannot be used."""

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(
            f"REGISTRY_AUTH_FILE={file} is no file of logins ({reason}). "
            f"Make one: buildah login --authfile={file} quay.io"
        )


class NotBoundError(PlatformError):
    """A claim gets no volume."""

    def __init__(self, *, claim: str, namespace: str, seconds: float) -> None:
        super().__init__(
            f"claim {claim} has no volume after {seconds:.0f} s. See why: kubectl describe pvc {claim} -n {namespace}"
        )


class NotAvailableError(PlatformError):
    """An operator does not finish what an object asks for."""

    def __init__(self, *, thing: str, seconds: float) -> None:
        kind, _, path = thing.partition(" ")
        namespace, _, name = path.rpartition("/")
        super().__init__(
            f"{thing} is not Available after {seconds:.0f} s. "
            f"See why: kubectl describe {kind.lower()} {name} -n {namespace}"
        )


def _count(problems: Sequence[str], noun: str = "problem") -> str:
    return f"{len(problems)} {noun}{'s' if len(problems) != 1 else ''}"
