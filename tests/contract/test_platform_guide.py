"""docs/platform.md: its commands and examples are run, not believed."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.contract.platform_objects import GUIDE, NAMESPACES, OVERLAYS, PROJECT, documented_secrets, render, rendered
from tests.contract.recording import recorder

KEYS = {
    "huggingface-token": {"HF_TOKEN"},
    "minio-credentials": {"accesskey", "secretkey"},
    "quay-credentials": {".dockerconfigjson"},
    "s3-credentials-kserve": {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL",
        "AWS_DEFAULT_REGION",
        "S3_ENDPOINT",
        "S3_USE_HTTPS",
    },
}
"""Secrets whose keys other parts of the project rely on."""

VALUES = {
    name: f"hush-{name.lower()}"
    for name in (
        "HF_TOKEN",
        "MINIO_ACCESS_KEY",
        "MINIO_SECRET_KEY",
        "KSERVE_ACCESS_KEY",
        "KSERVE_SECRET_KEY",
        "MINIO_ROOT_USER",
        "MINIO_ROOT_PASSWORD",
        "MYSQL_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "POSTGRES_PASSWORD",
        "PREFECT_API_AUTH_STRING",
    )
}


def test_the_guides_table_has_the_keys_that_others_read() -> None:
    """A pod would look for a key that nobody wrote: the old download read one, optional, and ran unauthenticated."""
    documented = documented_secrets()
    assert {name: documented[name][1] for name in KEYS} == KEYS
    assert set().union(*(namespaces for namespaces, _ in documented.values())) == NAMESPACES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[tuple[str, str], dict[str, str]], str]:
    """Run the guide's own commands for secrets; return the Secrets by namespace and name, and all arguments."""
    folder = tmp_path_factory.mktemp("guide")
    kubectl = shutil.which("kubectl")
    body = f"""case "$1" in
    create) exec {kubectl} "$@" ;;
    apply) case "$*" in *--kustomize*) ;; *) {{ cat; echo ---; }} >>"$RECORDS/applied" ;; esac ;;
    esac"""
    environment = recorder(folder, "kubectl", body) | VALUES | {"KUBECONFIG": str(folder / "none")}
    [script] = [block for block in GUIDE.read_text().split("```bash\n") if block.startswith("set -euo pipefail\n")]
    commands = script.split("```", 1)[0]
    done = subprocess.run(["bash"], input=commands, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hush" not in done.stdout + done.stderr
    secrets = [each for each in yaml.safe_load_all((folder / "applied").read_text()) if each]
    values = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): {
            key: base64.b64decode(value).decode() for key, value in each["data"].items()
        }
        for each in secrets
    }
    return values, (folder / "arguments").read_text()


def test_the_guide_makes_every_secret_with_every_key(
    made: tuple[dict[tuple[str, str], dict[str, str]], str],
) -> None:
    """Somebody who follows the guide would be left with a pod that waits for a key."""
    wanted = {
        (namespace, name): keys
        for name, (namespaces, keys) in documented_secrets().items()
        for namespace in namespaces
        if name != "quay-credentials"  # a log-in file, made by another command
    }
    assert {secret: set(values) for secret, values in made[0].items()} == wanted
    assert made[0]["private-ai-demo", "minio-credentials"] == {
        "accesskey": VALUES["MINIO_ACCESS_KEY"],
        "secretkey": VALUES["MINIO_SECRET_KEY"],
    }
    assert made[0]["private-ai-demo", "s3-credentials-kserve"]["AWS_ACCESS_KEY_ID"] == VALUES["KSERVE_ACCESS_KEY"]


def test_the_guide_puts_no_secret_into_an_argument(made: tuple[dict[tuple[str, str], dict[str, str]], str]) -> None:
    """Everybody on the administrator's machine could read it from the list of processes."""
    assert "hush" not in made[1]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_guides_site_renders(overlay: str, tmp_path: Path) -> None:
    """The example that everybody copies would not work, or leave the image unset."""
    text = next(
        block for block in GUIDE.read_text().split("```") if block.startswith("yaml\n# site/kustomization.yaml")
    )
    site = yaml.safe_load(text.removeprefix("yaml\n"))
    (tmp_path / "k8s").symlink_to(PROJECT / "k8s")
    (tmp_path / "site").mkdir()
    site["resources"] = [f"../k8s/platform/overlays/{overlay}"]
    (tmp_path / "site" / "kustomization.yaml").write_text(yaml.safe_dump(site))
    objects = render(tmp_path / "site")
    assert len(objects) == len(rendered(overlay))
    [environment] = [each for each in objects if each["metadata"]["name"] == "slipway-environment"]
    assert environment["data"]["SLIPWAY_IMAGE_REPOSITORY"].startswith("docker://")
    assert "required-input" not in yaml.safe_dump_all(objects)
