"""What stops an import for good: each error says which facts disagree, and the next command."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.errors import RejectedError


class IdentityError(RejectedError):
    """The Hub serves another model than the catalog declares.

    The system that this one replaces registered a 12B model as 24B, because nothing compared the two.
    """

    def __init__(self, *, model: str, repo: str, commit: str, differences: Sequence[str]) -> None:
        super().__init__(
            "model hub",
            f"{repo}@{commit[:12]} is not the model that {model} declares: {'; '.join(differences)}. "
            f"Correct `source` or `identity` in deployments/models/{model}.yaml: python -m deployments show {model}",
        )
        self.differences = tuple(differences)


class FileSetError(RejectedError):
    """The files of a revision cannot be imported as they are."""

    def __init__(self, *, model: str, repo: str, commit: str, reason: str) -> None:
        super().__init__(
            "model hub",
            f"{repo}@{commit[:12]}: {reason}. Look at `source` in deployments/models/{model}.yaml: "
            f"python -m deployments show {model}",
        )


class VersionTakenError(RejectedError):
    """A version holds other bytes than the import would write."""

    def __init__(self, *, model: str, version: str, held: str, wanted: str) -> None:
        super().__init__(
            "object store",
            f"{model}/{version} holds file set {held[:12]}, not {wanted[:12]}. "
            "Versions are immutable: set another `version` in deployments/models/",
        )


class ManifestError(RejectedError):
    """What stands in place of a manifest cannot be read as one."""

    def __init__(self, *, key: str, reason: str) -> None:
        super().__init__(
            "object store",
            f"{key} is no manifest of ours ({reason}). Nothing was changed. Read it: aws s3 cp s3://<bucket>/{key} -",
        )


class ProofError(RejectedError):
    """What stands in place of a verification's record cannot be read as one."""

    def __init__(self, *, key: str, reason: str) -> None:
        super().__init__(
            "object store",
            f"{key} is no verification of ours ({reason}). Nothing was changed. "
            f"Remove it, then verify again: aws s3 rm s3://<bucket>/{key}",
        )


class MissingRightsError(RejectedError):
    """The cluster does not let us run Jobs."""

    def __init__(self, *, rights: Sequence[str], namespace: str) -> None:
        super().__init__(
            "cluster",
            f"not allowed to {', '.join(rights)} in {namespace}. "
            f"Ask for a role that may, then check: kubectl auth can-i create jobs -n {namespace}",
        )


class MissingSecretError(RejectedError):
    """A Secret that a pod needs is absent, or is of another type."""

    def __init__(self, *, name: str, namespace: str, found: str | None, wanted: str) -> None:
        state = f"has type {found}, not {wanted}" if found else "does not exist"
        super().__init__(
            "cluster",
            f"Secret {namespace}/{name} {state}. Create it from a file of `podman login --authfile`: "
            f"kubectl create secret docker-registry {name} -n {namespace} --from-file=.dockerconfigjson=<file>",
        )


class NoDigestError(RejectedError):
    """The build Job succeeded, but nobody can say what it pushed."""

    def __init__(self, *, destination: str, job: str) -> None:
        super().__init__(
            "image registry",
            f"Job {job} succeeded, but left no digest, and {destination} does not exist. "
            f"Read its log: kubectl logs job/{job}",
        )
