"""The definitions of KServe's kinds: the official ones where a folder with them is named, else small ones of ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

VARIABLE = "SLIPWAY_KSERVE_CRDS"


def definitions() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions: ours, replaced by those of the same name in the folder of SLIPWAY_KSERVE_CRDS."""
    folders = [Path(__file__).parent]
    if named := os.environ.get(VARIABLE):
        folders.append(Path(named).expanduser())
    found = {
        document["metadata"]["name"]: document
        for folder in folders
        for file in sorted(folder.glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition"
    }
    return list(found.values())
