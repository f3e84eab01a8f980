"""The catalog's command line: what a person or a pipeline reads of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deployments import catalog
from deployments.__main__ import main
from deployments.catalog import keys
from deployments.spec import ModelSpec


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """An empty folder for overlays."""
    folder = tmp_path / "overlay"
    folder.mkdir()
    return folder


OVERLAY = """
identity: {context_length: 1024, layers: 2}
serving: {vllm_args: [--max-model-len=1024, --max-num-seqs=16]}
benchmark: {prompt_tokens: 64}
"""


@pytest.mark.parametrize("key", keys())
def test_show_prints_the_resolved_spec(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown would not be what is imported."""
    assert main(["show", key]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert ModelSpec.model_validate({"key": key, **printed}) == catalog.load(key)


def test_show_says_where_an_overlay_was_used(
    overlay: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A replica's numbers would be read as the model's."""
    (overlay / "quantized.yaml").write_text(OVERLAY)
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", str(overlay))
    main(["show", "quantized"])
    assert capsys.readouterr().out.startswith(f"# deployments/models/quantized.yaml under {overlay}/quantized.yaml\n")


def test_check_prints_a_line_for_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline could not tell a good catalog from a bad one."""
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "ok     full\nok     quantized\nok     smollm2\n"


def test_check_fails_with_every_problem(
    overlay: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong catalog would be deployed."""
    (overlay / "full.yaml").write_text("version: x")
    (overlay / "quantized.yaml").write_text("identity: {layer: 2}")
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", str(overlay))
    assert main(["check"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "ok     smollm2\n"
    assert [line.split(":")[1].strip() for line in printed.err.splitlines()[:2]] == ["version", "identity.layer"]


def test_an_unknown_model_ends_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo on the command line would end in a traceback."""
    assert main(["show", "quantised"]) == 1
    assert capsys.readouterr().err.startswith("there is no model 'quantised' (did you mean 'quantized'?); ")


def test_list_names_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would know what can be imported."""
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[key, catalog.load(key).prefix] for key in keys()]
