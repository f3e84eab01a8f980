"""Installs KServe's resource definitions: the official ones of a folder, else the sandbox's small ones."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.machine import api
from tests.cluster.machine.errors import DefinitionRefusedError
from tests.cluster.machine.layout import PROJECT, Layout

VARIABLE = "SLIPWAY_KSERVE_CRDS"
_SMALL = PROJECT / "sandbox" / "kserve" / "definitions"
_SECONDS = 60.0
_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install(layout: Layout) -> str:
    """Apply every CustomResourceDefinition of the folder, wait until it is served, and say what was done.

    Raises:
        DefinitionRefusedError: the API refuses one.
    """
    folder = Path(os.environ.get(VARIABLE) or _SMALL)
    names = [name for file in sorted(folder.glob("*.yaml")) for name in _apply(file, layout=layout)]
    deadline = time.monotonic() + _SECONDS
    for name in names:
        while not _is_served(api.get(f"{_PATH}/{name}", layout=layout)):
            if time.monotonic() > deadline:
                raise DefinitionRefusedError(file=folder, reason=f"{name} is not served after {_SECONDS:.0f} s")
            time.sleep(0.2)
    return f"{len(names)} definitions of KServe from {folder}"


def _apply(file: Path, *, layout: Layout) -> list[str]:
    """Apply the definitions of a file; return their names."""
    names = []
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
            names.append(document["metadata"]["name"])
            path = f"{_PATH}/{names[-1]}?fieldManager=slipway-cluster&force=true"
            try:
                api.patch(path, document, layout=layout, content="application/apply-patch+yaml")
            except OSError as error:
                raise DefinitionRefusedError(file=file, reason=str(error)) from error
    return names


def _is_served(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions", ())
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
