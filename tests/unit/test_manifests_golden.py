"""What each model, all models together and the Jobs look like to a cluster, reviewed whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from deployments import catalog
from k8s.__main__ import main
from tests.golden.regenerate import ADDRESS, FOLDER, INPUTS, NO_OVERLAY, goldens, text

OPTIONS = [
    f"--image={INPUTS.image}",
    f"--manifest-sha256={INPUTS.manifest_sha256}",
    f"--source-commit={INPUTS.source_commit}",
    f"--model-id={INPUTS.registered_model_id}",
    f"--version-id={INPUTS.model_version_id}",
]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SLIPWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", str(NO_OVERLAY))


@pytest.mark.parametrize("name", sorted(goldens()))
def test_the_manifests_are_the_reviewed_ones(name: str) -> None:
    """A field that changes unseen reaches every cluster at the next deployment."""
    reviewed = list(yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    assert goldens()[name] == reviewed


@pytest.mark.parametrize("name", sorted(goldens()))
def test_the_golden_file_is_what_the_command_writes(name: str) -> None:
    """A golden file edited by hand would show a difference that is none at the next regeneration."""
    assert (FOLDER / f"{name}.yaml").read_text(encoding="utf-8") == text(name, goldens()[name])


def test_every_model_has_a_golden_file() -> None:
    """A new model's manifest must be reviewed before it is deployed."""
    assert set(catalog.keys()) <= {file.stem for file in FOLDER.glob("*.yaml")}


@pytest.mark.parametrize("key", catalog.keys())
def test_render_prints_the_golden_objects(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """GitOps users must get the very objects that a deployment applies."""
    assert main(["render", key, *OPTIONS]) == 0
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == goldens()[key]


def test_render_is_stable(capsys: pytest.CaptureFixture[str]) -> None:
    """Text that changes from run to run would be a commit in a GitOps repository each time."""
    main(["render", "full", *OPTIONS])
    first = capsys.readouterr().out
    main(["render", "full", *OPTIONS])
    assert capsys.readouterr().out == first


def test_render_shared_prints_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """A Secret without values in a GitOps repository would empty the one on the cluster."""
    assert main(["render-shared", f"--s3-endpoint={ADDRESS.endpoint}"]) == 0
    kinds = [document["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds == ["ServiceAccount", "ServingRuntime"]


def test_the_environments_pull_secret_registry_and_class_are_rendered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl diff` would show a change that no deploy makes, or hide one."""
    monkeypatch.setenv("SLIPWAY_PULL_SECRET", "our-logins")
    monkeypatch.setenv("SLIPWAY_REGISTRY_NAME", "our-registry")
    monkeypatch.setenv("SLIPWAY_STORAGE_CLASS", "fast")
    assert main(["render", "full", *OPTIONS]) == 0
    claim, service, _ = yaml.safe_load_all(capsys.readouterr().out)
    assert claim["spec"]["storageClassName"] == "fast"
    assert service["metadata"]["labels"]["modelregistry.opendatahub.io/name"] == "our-registry"
    assert service["spec"]["predictor"]["imagePullSecrets"] == [{"name": "our-logins"}]


def test_render_can_leave_the_monitor_out(capsys: pytest.CaptureFixture[str]) -> None:
    """`kubectl diff` fails on a PodMonitor where the Prometheus operator is not installed."""
    main(["render", "quantized", "--no-pod-monitor", *OPTIONS])
    assert [document["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)] == ["InferenceService"]


def test_render_invents_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A placeholder that was applied would serve other bytes than were proved."""
    assert main(["render", "quantized", *OPTIONS[:2]]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "--source-commit" in output.err
    assert "--image" not in output.err
    assert output.err.rstrip().endswith("python -m flows.deploy_model render quantized")
    assert output.err.count("\n") == 1


def test_render_of_an_unknown_model_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo must not end in a traceback."""
    assert main(["render", "quantised", *OPTIONS]) == 1
    assert "did you mean 'quantized'?" in capsys.readouterr().err


def test_a_replica_is_marked_as_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sandbox serves under the model's name must not be taken for the model."""
    monkeypatch.setenv("SLIPWAY_CATALOG_OVERLAY", "sandbox/models")
    main(["render", "quantized", *OPTIONS])
    printed = capsys.readouterr().out
    service = next(each for each in yaml.safe_load_all(printed) if each["kind"] == "InferenceService")
    repository = "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16"
    assert service["metadata"]["annotations"]["slipway.dev/replica-of"] == repository
    assert "a replica, not the model" in printed.split("---", maxsplit=1)[0]


def test_a_digest_that_looks_like_a_number_stays_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    """To kubectl's YAML reader an unquoted 12e34 is a number, and it refuses an annotation that is one."""
    digest = "1" * 31 + "e" + "2" * 32
    main(["render", "quantized", *[each for each in OPTIONS if "sha256=" not in each], f"--manifest-sha256={digest}"])
    assert f"slipway.dev/manifest-sha256: '{digest}'" in capsys.readouterr().out


def test_the_command_needs_no_kubernetes_client() -> None:
    """Rendering must work in a CI job that has no cluster, and start at once."""
    script = "import sys, k8s.__main__; sys.exit('kubernetes' in sys.modules or 'prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
