"""The settings: defaults, what is required, and sentences that name the variable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from deployments.errors import SettingsError
from deployments.settings import PREFIX, CatalogSettings, Settings, catalog_overlay, settings

TEMPLATE = Path(__file__).parents[2] / ".env.template"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_the_defaults_are_those_of_the_platform() -> None:
    """A platform set up by the book would need settings."""
    assert settings().model_dump() == {
        "catalog_overlay": None,
        "namespace": "private-ai-demo",
        "runtime_base_image": "registry.redhat.io/rhoai/odh-vllm-cuda-rhel9"
        "@sha256:fb84fbf103bf450ef5b060fc5f21a9cf16b166dba207a3c50aa91bccd919d604",
        "builder": None,
        "flows": None,
        "evaluation": None,
        "ca_bundle": None,
        "transfer_files": 2,
        "transfer_ranges": 4,
        "transfer_part_mib": 8,
        "transfer_stall_seconds": 60,
        "build_timeout_seconds": 7200,
        "lease_seconds": 60,
        "registry_name": "private-ai-model-registry",
        "pull_secret": "quay-credentials",
        "storage_class": None,
        "volume_fs_group": None,
        "fill_timeout_seconds": 7200,
        "nodes_scale": False,
        "deploy_timeout_seconds": 3600,
        "evaluation_timeout_seconds": 7200,
        "task_data": "hub",
    }


def test_images_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs would run an image that nobody chose."""
    monkeypatch.setenv("SLIPWAY_BUILDER_IMAGE", "quay.io/buildah/stable:v1.38.0")
    monkeypatch.setenv("SLIPWAY_FLOWS_IMAGE", "registry.example.com/slipway-flows:1")
    read = settings()
    assert (read.builder_image, read.flows_image) == (
        "quay.io/buildah/stable:v1.38.0",
        "registry.example.com/slipway-flows:1",
    )


@pytest.mark.parametrize("name", ["builder_image", "flows_image", "evaluation_image"])
def test_an_image_without_a_default_is_asked_for_by_name(name: str) -> None:
    """A missing image would become the text "None" in a Job."""
    with pytest.raises(SettingsError) as refused:
        getattr(settings(), name)
    variable = f"SLIPWAY_{name.upper()}"
    assert str(refused.value) == f"{variable} is not set. Set it as .env.template shows, then run the command again"
    assert refused.value.variables == (variable,)


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables would have to be mended one by one."""
    monkeypatch.setenv("SLIPWAY_LEASE_SECONDS", "soon")
    monkeypatch.setenv("SLIPWAY_TRANSFER_PART_MIB", "1")
    monkeypatch.setenv("SLIPWAY_CA_BUNDLE", "/nowhere.pem")
    monkeypatch.setenv("SLIPWAY_NAMESPACE", "Demo")
    monkeypatch.setenv("SLIPWAY_BUILDER_IMAGE", "a b")
    with pytest.raises(SettingsError) as refused:
        settings()
    assert set(refused.value.variables) == {
        "SLIPWAY_BUILDER_IMAGE",
        "SLIPWAY_CA_BUNDLE",
        "SLIPWAY_LEASE_SECONDS",
        "SLIPWAY_NAMESPACE",
        "SLIPWAY_TRANSFER_PART_MIB",
    }
    assert "SLIPWAY_CA_BUNDLE names /nowhere.pem, which does not exist" in str(refused.value)
    assert "SLIPWAY_TRANSFER_PART_MIB is '1', but input should be greater than or equal to 5" in str(refused.value)


def test_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of .env.template that was not filled in would be read as an image."""
    monkeypatch.setenv("SLIPWAY_BUILDER_IMAGE", "")
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", "")
    assert (settings().builder, catalog_overlay()) == (None, None)


def test_settings_are_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed environment would be ignored."""
    assert settings().lease_seconds == 60
    monkeypatch.setenv("SLIPWAY_LEASE_SECONDS", "5")
    assert settings().lease_seconds == 5


def test_settings_cannot_be_changed() -> None:
    """One task could change the environment of the next."""
    with pytest.raises(ValidationError, match="frozen"):
        settings().namespace = "other"


def test_a_dot_env_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A production .env in the folder would leak into a sandbox run."""
    (tmp_path / ".env").write_text("SLIPWAY_NAMESPACE=production\n")
    monkeypatch.chdir(tmp_path)
    assert settings().namespace == "private-ai-demo"


def test_the_overlay_is_found_without_the_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at the catalog would need a valid environment for imports."""
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", str(tmp_path))
    monkeypatch.setenv("SLIPWAY_LEASE_SECONDS", "soon")
    assert catalog_overlay() == tmp_path


def test_the_template_names_every_setting() -> None:
    """A user could not find a setting, or would set one that does not exist."""
    lines = [line.lstrip("#") for line in TEMPLATE.read_text().splitlines() if not line.startswith("# ")]
    named = {line.partition("=")[0] for line in lines if "=" in line}
    fields = {*CatalogSettings.model_fields, *Settings.model_fields} - {"builder", "flows", "evaluation"}
    images = {"SLIPWAY_BUILDER_IMAGE", "SLIPWAY_FLOWS_IMAGE", "SLIPWAY_EVALUATION_IMAGE"}
    expected = {f"{PREFIX}{name}".upper() for name in fields} | images
    assert expected <= named
    assert {
        "HF_TOKEN",
        "QUAY_USERNAME",
        "QUAY_PASSWORD",
        "QUAY_ORGANIZATION",
        "MINIO_ACCESS_KEY",
        "MINIO_SECRET_KEY",
    } <= named


def test_the_template_shows_the_defaults() -> None:
    """A user who uncomments a line would change a value without knowing."""
    lines = dict(line[1:].split("=", 1) for line in TEMPLATE.read_text().splitlines() if line.startswith("#SLIPWAY_"))
    defaults = {f"{PREFIX}{name}".upper(): value for name, value in settings().model_dump(mode="json").items()}
    shown = {name: value for name, value in lines.items() if name in defaults}
    assert shown == {name: str(defaults[name] if defaults[name] is not None else "") for name in shown}
