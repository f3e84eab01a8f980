"""What unit tests of the catalog share: a folder with one model, and no overlay of whoever runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments import catalog


@pytest.fixture(autouse=True)
def _no_overlay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_CATALOG_OVERLAY", raising=False)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the quantized model alone, and the folder above as the current one."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "quantized.yaml").write_text((catalog.MODELS / "quantized.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return folder
