"""What clients of the sandbox are told, at a terminal and in pods."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

from blocks import register
from sandbox import cluster_objects, environment, image_map, layout, ports
from sandbox.layout import Layout


@pytest.fixture
def at(tmp_path: Path) -> Layout:
    """A state folder with ports and secrets, and nothing running."""
    return layout.prepare(tmp_path / "state", ports=ports.choose({}, recorded={}))


def test_config_map_holds_no_secret(at: Layout) -> None:
    """Without this, everybody who may read a ConfigMap could read the keys."""
    config_map = next(each for each in cluster_objects.objects(at) if each["kind"] == "ConfigMap")
    assert config_map["metadata"]["name"] == "slipway-environment"
    assert not set(astuple(at.secrets)) & set(config_map["data"].values())
    assert config_map["data"]["PREFECT_API_URL"] == "http://127.0.0.1:14200/api"


def test_pods_are_not_sent_to_the_folders_of_a_terminal(at: Layout) -> None:
    """Without this, a pod would write into the server's own PREFECT_HOME, and use the administrator's kubeconfig."""
    assert not {"PREFECT_HOME", "HF_HOME", "KUBECONFIG"} & set(environment.addresses(at))


def test_secrets_have_the_keys_that_pods_ask_for(at: Layout) -> None:
    """Without this, a pod would wait for a key that nobody wrote, as the first platform's download did."""
    secrets = {
        each["metadata"]["name"]: each["data"] for each in cluster_objects.objects(at) if each["kind"] == "Secret"
    }
    assert {name: set(data) for name, data in secrets.items()} == {
        "huggingface-token": {"HF_TOKEN"},
        "minio-credentials": {"accesskey", "secretkey"},
        "quay-credentials": {".dockerconfigjson"},
        "s3-credentials-kserve": {
            *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
            *("S3_ENDPOINT", "S3_USE_HTTPS"),
        },
    }
    assert base64.b64decode(secrets["huggingface-token"]["HF_TOKEN"]).decode() == at.secrets.hub_token
    assert json.loads(base64.b64decode(secrets["quay-credentials"][".dockerconfigjson"]))["auths"]


def test_secrets_are_readable_by_their_owner_alone_and_stay(at: Layout) -> None:
    """Without this, another user of the machine could read the keys, or a second `up` would lock out running pods."""
    assert (at.root / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert layout.prepare(at.root, ports=at.ports).secrets == at.secrets


def test_settings_of_another_platform_do_not_reach_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a worker of the sandbox could poll the production server that a developer's shell names."""
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example.com/api")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("LANG", "C.UTF-8")
    inherited = environment.inherited()
    assert not {"PREFECT_API_URL", "AWS_PROFILE"} & set(inherited)
    assert inherited["LANG"] == "C.UTF-8"


def test_developers_proxy_is_kept_away_from_local_servers(at: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, behind a company's proxy every request to the sandbox would leave the machine and fail."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert environment.addresses(at)["NO_PROXY"] == "example.com,127.0.0.1,localhost"


def test_both_images_find_their_programs(at: Layout) -> None:
    """Without this, flow pods would have no Python, and build pods no Buildah."""
    images = image_map.images(at)
    assert Path(images[environment.FLOWS_IMAGE]["path"][0], "python").exists()
    assert "/usr/bin" in images[environment.BUILDER_IMAGE]["path"]
    assert images[environment.FLOWS_IMAGE]["env"]["PYTHONPATH"] == str(layout.PROJECT)


def test_a_production_env_file_does_not_reach_the_blocks(
    at: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a demo in a folder with the `.env` of a platform could import into that platform."""
    names = ("HF_ENDPOINT", "AWS_ENDPOINT_URL", "SLIPWAY_BUCKET", "SLIPWAY_IMAGE_REPOSITORY", "QUAY_ORGANIZATION")
    (tmp_path / ".env").write_text("".join(f"{name}=https://production.example.com\n" for name in names))
    monkeypatch.chdir(tmp_path)
    for name, value in environment.terminal(at).items():
        monkeypatch.setenv(name, value)
    assert "production.example.com" not in repr(register.documents(register.read_endpoints()))
    monkeypatch.delenv("SLIPWAY_IMAGE_REPOSITORY")
    with pytest.raises(register.MissingVariablesError):
        register.documents(register.read_endpoints())


def test_commands_that_ask_no_store_do_not_wait_for_its_client() -> None:
    """Without this, `python -m sandbox down` takes twice as long, for a client of S3 that it never uses."""
    code = "import sys, sandbox.__main__; sys.exit(' '.join({'boto3', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr == "\n"
