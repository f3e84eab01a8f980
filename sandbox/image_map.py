"""Which local environment stands for which container image, for the sandbox's kubelet."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from sandbox import engine, evaluation
from sandbox.environment import BUILDER_IMAGE, EVALUATION_IMAGE, FLOWS_IMAGE, STORAGE_INITIALIZER_IMAGE
from sandbox.layout import PROJECT, Layout
from sandbox.processes import MEMBER_VARIABLE

_SYSTEM = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def write(at: Layout) -> None:
    """Write the map; the kubelet reads it again when it has changed."""
    content = json.dumps({"images": images(at)}, indent=1) + "\n"
    if not at.image_map.is_file() or at.image_map.read_text(encoding="utf-8") != content:
        draft = at.image_map.with_suffix(".new")
        draft.write_text(content, encoding="utf-8")
        draft.replace(at.image_map)


def images(at: Layout) -> dict[str, dict[str, Any]]:
    """The map: image reference → folders of its programs and variables of its configuration."""
    machine = list(dict.fromkeys((*os.environ.get("PATH", os.defpath).split(os.pathsep), *_SYSTEM)))
    # A pod outlives an API server that is killed: by this variable `down` finds it all the same.
    variables = {"LANG": "C.UTF-8", MEMBER_VARIABLE: f"{at.root}#pod"}
    ours = {**variables, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    return {
        BUILDER_IMAGE: {"path": machine, "env": variables},
        FLOWS_IMAGE: {
            "path": [str(Path(sys.executable).parent), *machine],
            "env": ours,
        },
        EVALUATION_IMAGE: {
            "path": [str(evaluation.folder() / "bin"), *machine],
            "env": {**variables, **evaluation.VARIABLES, "PYTHONUNBUFFERED": "1"},
            "needs": str(evaluation.mark()),
            "otherwise": f"a local environment stands in for the image. Make it: `{evaluation.COMMAND}`",
        },
        STORAGE_INITIALIZER_IMAGE: {
            "path": machine,
            "env": ours,
            "entrypoint": [sys.executable, "-m", "sandbox.kserve.storage_initializer"],
        },
        f"oci:{at.runtime_image}": {
            "path": [str(engine.folder() / "bin"), *machine],
            "env": {**variables, **engine.VARIABLES, "PYTHONUNBUFFERED": "1"},
            "layout": str(at.runtime_image),
            "needs": str(engine.mark()),
            "otherwise": f"vLLM's CPU build stands in for the image. Install it: `{engine.COMMAND}`",
        },
    }
