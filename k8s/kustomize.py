"""Renders a kustomization to objects, by kubectl's own kustomize: the same one that GitOps users run."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from k8s.errors import ClusterError

PLATFORM = Path(__file__).parent / "platform"
OVERLAYS = ("kubernetes", "openshift")

_SECONDS = 60


class KubectlMissingError(ClusterError):
    """There is no kubectl to render with."""

    def __init__(self) -> None:
        super().__init__("kubectl is not on the path, and it renders the platform's YAML. Install it: make setup")


class NotRenderedError(ClusterError):
    """A kustomization does not render."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} does not render: {reason}. Try it: kubectl kustomize {folder}")


def overlay_folder(name: str) -> Path:
    """Return the folder of an overlay: one of ours by its name, else a kustomization of the site by its path."""
    return PLATFORM / "overlays" / name if name in OVERLAYS else Path(name)


def render(folder: Path) -> list[dict[str, Any]]:
    """Render a kustomization.

    Args:
        folder: where its kustomization.yaml is.

    Raises:
        KubectlMissingError: there is no kubectl.
        NotRenderedError: kustomize refuses it, or it has no object.
    """
    if not folder.is_dir():
        raise NotRenderedError(folder=folder, reason="there is no such folder")
    command = ["kubectl", "kustomize", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603 - the path is an argument, not a shell's text
    except FileNotFoundError:
        raise KubectlMissingError from None
    except subprocess.TimeoutExpired:
        raise NotRenderedError(folder=folder, reason=f"kustomize took more than {_SECONDS} s") from None
    if done.returncode != 0:
        raise NotRenderedError(folder=folder, reason=done.stderr.strip().removeprefix("error: "))
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    if not objects:
        raise NotRenderedError(folder=folder, reason="it has no object")
    return objects
