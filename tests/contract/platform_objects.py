"""What k8s/platform renders to, by kubectl's own kustomize, and ways to look at it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

PROJECT = Path(__file__).parents[2]
PLATFORM = PROJECT / "k8s" / "platform"
GUIDE = PROJECT / "docs" / "platform.md"
OVERLAYS = ("kubernetes", "openshift")
NAMESPACES = {"private-ai-demo", "model-storage", "rhoai-model-registries"}
CLUSTER_SCOPED = {"Namespace", "ClusterRole", "ClusterRoleBinding", "SecurityContextConstraints"}


@cache
def rendered(overlay: str) -> tuple[Object, ...]:
    """Render an overlay of the platform."""
    return render(PLATFORM / "overlays" / overlay)


def render(folder: Path) -> tuple[Object, ...]:
    """Render a kustomization.

    Raises:
        AssertionError: kustomize refused it.
    """
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [each for each in rendered(overlay) if each["kind"] in kinds]


def named(overlay: str, kind: str, name: str, *, namespace: str | None = None) -> Object:
    """Return the one object of that kind and name, and namespace if one is given."""
    [found] = [
        each
        for each in of_kind(overlay, kind)
        if each["metadata"]["name"] == name and namespace in {None, each["metadata"].get("namespace")}
    ]
    return found


def label(each: Object) -> str:
    """Say which object it is, for a failure's message."""
    return f"{each['kind']} {each['metadata'].get('namespace', '-')}/{each['metadata']['name']}"


def pods(overlay: str) -> list[tuple[Object, Object]]:
    """Return each object that makes pods, with its pod template."""
    return [(each, each["spec"]["template"]) for each in of_kind(overlay, "Deployment", "Job")]


def containers(template: Object) -> list[Object]:
    """Return a pod template's containers, the ones that run before it included."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def secret_references(overlay: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield namespace, name and key of each Secret that an object refers to; no key for a pull secret."""
    for owner, template in pods(overlay):
        namespace = owner["metadata"]["namespace"]
        for container in containers(template):
            for entry in container.get("env", []):
                if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                    yield namespace, reference["name"], reference["key"]
    for account in of_kind(overlay, "ServiceAccount"):
        for reference in [*account.get("imagePullSecrets", []), *account.get("secrets", [])]:
            yield account["metadata"]["namespace"], reference["name"], None
    for registry in of_kind(overlay, "ModelRegistry"):
        reference = registry["spec"]["mysql"]["passwordSecret"]
        yield registry["metadata"]["namespace"], reference["name"], reference["key"]


def documented_secrets() -> dict[str, tuple[set[str], set[str]]]:
    """Read the table of secrets of docs/platform.md: a name's namespaces and keys."""
    table = {}
    lines = GUIDE.read_text().split("| secret | namespaces | keys |", 1)[1].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            break
        name, namespaces, keys, _ = (cell.strip() for cell in line.strip("|").split("|"))
        table[name.strip("`")] = (_quoted(namespaces), _quoted(keys))
    return table


def _quoted(cell: str) -> set[str]:
    return {word.strip(" `") for word in cell.split(",")}
