"""What an image of flow runs holds besides files: the project's name, and what it offers to Prefect."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

from deployments import VERSION
from images.context import _name_project


def test_prefect_finds_our_block_types_in_the_image(tmp_path: Path) -> None:
    """The server would not know the block that automations notify by: the project is copied there, not installed."""
    _name_project(tmp_path)
    [found] = distributions(path=[str(tmp_path)])
    assert (found.name, found.version) == ("slipway", VERSION)
    [offered] = [entry for entry in found.entry_points if entry.group == "prefect.collections"]
    assert offered.load().__name__ == "blocks.notification"
