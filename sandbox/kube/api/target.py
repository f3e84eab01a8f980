"""What a request is about, and what it asks for besides."""

from dataclasses import dataclass

from sandbox.kube.resources import Resource


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a request is about."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return the store's key of the object."""
        return self.namespace, self.name


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a writing request asks for besides."""

    manager: str
    dry_run: bool = False
    force: bool = False
