"""Installs KServe's resource definitions: the official ones of a folder, else the sandbox's small ones."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from tests.cluster.machine import api
from tests.cluster.machine.errors import DefinitionRefusedError
from tests.cluster.machine.layout import PROJECT, Layout

VARIABLE = "SLIPWAY_KSERVE_CRDS"
_SMALL = PROJECT / "sandbox" / "kserve" / "definitions"
_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install(layout: Layout) -> Path:
    """Apply every CustomResourceDefinition of the folder; return the folder.

    Raises:
        DefinitionRefusedError: the API refuses one.
    """
    folder = Path(os.environ.get(VARIABLE) or _SMALL)
    for file in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                query = "?fieldManager=slipway-cluster&force=true"
                path = f"{_PATH}/{document['metadata']['name']}{query}"
                try:
                    api.patch(path, document, layout=layout, content="application/apply-patch+yaml")
                except OSError as error:
                    raise DefinitionRefusedError(file=file, reason=str(error)) from error
    return folder
