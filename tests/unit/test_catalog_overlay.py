"""Overlays: what they change, what they may not, and whom an error blames."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments import catalog
from deployments.errors import CatalogError


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """An empty folder for overlays."""
    folder = tmp_path / "overlay"
    folder.mkdir()
    return folder


OVERLAY = """
identity: {context_length: 1024, layers: 2}
serving: {vllm_args: [--max-model-len=1024, --max-num-seqs=16], node_selector: {node.kubernetes.io/zone: a}}
benchmark: {prompt_tokens: 64}
"""


def test_an_overlay_merges_mappings_and_replaces_lists(models: Path, overlay: Path) -> None:
    """A replica would be served with the limits of the real model."""
    (overlay / "quantized.yaml").write_text(OVERLAY)
    spec = catalog.load("quantized", overlay=overlay, folder=models)
    assert (spec.identity.layers, spec.identity.hidden_size) == (2, 5120)
    assert spec.serving.vllm_args == ("--max-model-len=1024", "--max-num-seqs=16")
    assert len(spec.serving.node_selector) == 3


def test_an_overlaid_spec_says_so(models: Path, overlay: Path) -> None:
    """A replica's results could be taken for the real model's."""
    assert catalog.load("quantized", overlay=overlay, folder=models).overlaid_by is None
    (overlay / "quantized.yaml").write_text(OVERLAY)
    assert catalog.load("quantized", overlay=overlay, folder=models).overlaid_by == "overlay/quantized.yaml"


def test_the_environment_names_the_overlay(models: Path, overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox would import under the real model's numbers."""
    (overlay / "quantized.yaml").write_text(OVERLAY)
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", str(overlay))
    assert catalog.load("quantized", folder=models).identity.layers == 2


def test_null_in_an_overlay_removes_a_key(models: Path, overlay: Path) -> None:
    """A replica could not do without the quantization or the node of the real model."""
    (overlay / "quantized.yaml").write_text("identity: {quantization: null}")
    assert catalog.load("quantized", overlay=overlay, folder=models).identity.quantization is None


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("source: {remote_code_allowed: true}", "source"),
        ("source: {include: ['*']}", "source"),
        ("source: null", "source"),
        ("version: other", "version"),
        ("registered_model: other", "registered_model"),
        ("serving: {inference_service: other}", "serving.inference_service"),
        ("serving: {deployment_strategy: RollingUpdate}", "serving.deployment_strategy"),
        ("serving: null", "serving"),
        ("storage: {serve_from: s3}", "storage"),
        ("overlaid_by: null", "overlaid_by"),
    ],
)
def test_an_overlay_cannot_weaken_a_guard_or_change_a_name(models: Path, overlay: Path, content: str, key: str) -> None:
    """What the sandbox proves would not hold in production."""
    (overlay / "quantized.yaml").write_text(content)
    with pytest.raises(CatalogError) as refused:
        catalog.load("quantized", overlay=overlay, folder=models)
    assert str(refused.value).startswith(f"overlay/quantized.yaml: {key}: an overlay may not set this, only identity,")


def test_an_error_in_an_overlay_is_blamed_on_the_overlay(models: Path, overlay: Path) -> None:
    """Somebody would look for the slip in the wrong file."""
    (overlay / "quantized.yaml").write_text("identity: {layer: 2}")
    with pytest.raises(CatalogError, match=r"^overlay/quantized\.yaml: identity\.layer: .*did you mean 'layers'"):
        catalog.load("quantized", overlay=overlay, folder=models)


def test_a_contradiction_between_both_files_names_both(models: Path, overlay: Path) -> None:
    """Somebody would read the model's file, in which all is well."""
    (overlay / "quantized.yaml").write_text("identity: {context_length: 1024}")
    with pytest.raises(
        CatalogError, match=r"^models/quantized\.yaml under overlay/quantized\.yaml: serving\.vllm_args:"
    ):
        catalog.load("quantized", overlay=overlay, folder=models)


def test_an_overlay_folder_that_is_none_is_refused(models: Path, tmp_path: Path) -> None:
    """A mistyped folder would silently give the real model."""
    with pytest.raises(CatalogError, match="is no folder"):
        catalog.load("quantized", overlay=tmp_path / "nowhere", folder=models)


def test_check_finds_what_is_wrong_between_files(models: Path, overlay: Path) -> None:
    """Two models would share a prefix or a service, or a file would never be read."""
    (models / "twin.yaml").write_text((models / "quantized.yaml").read_text())
    (models / "other.yml").write_text("")
    (overlay / "quantised.yaml").write_text("")
    found = dict(catalog.problems(overlay=overlay, folder=models))
    taken = "is the name of quantized already; choose another"
    stray = "lies over no model of the catalog; rename or remove it (did you mean 'quantized'?)"
    assert {key: [str(problem) for problem in problems] for key, problems in found.items()} == {
        "quantized": [],
        "twin": [],
        "": [
            f"models/twin.yaml: version: 'Mistral-Small-24B-Instruct/quantized-w4a16/' {taken}",
            f"models/twin.yaml: serving.inference_service: 'mistral-24b-quantized' {taken}",
            "models/other.yml: is not read; rename it to other.yaml",
            f"overlay/quantised.yaml: {stray}",
        ],
    }


def test_the_sandboxs_overlays_fit_the_catalog() -> None:
    """`make demo` would fail after somebody changed a model's file."""
    sandbox = Path(__file__).parents[2] / "sandbox" / "models"
    assert {key: problems for key, problems in catalog.problems(overlay=sandbox) if problems} == {}
