"""The installation's Secrets: given ones follow the variables, made-up ones stay, and no value is ever shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flows.apply_platform.secret_plan import ROTATION, SecretPlan, plan_logins, plan_secrets
from flows.apply_platform.secret_table import LOGINS, LOGINS_KEY, MODELS, STORAGE, secret_specs
from flows.apply_platform.variables import PlatformVariables
from k8s.manifests.kserve_storage import S3Address
from tests.contract.platform_objects import documented_secrets

SPECS = secret_specs(S3Address(endpoint="http://minio.model-storage.svc:9000"))
GIVEN = {"HF_TOKEN": "hf-hush", "QUAY_USERNAME": "robot", "QUAY_PASSWORD": "quay-hush"}


def variables(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> PlatformVariables:
    """Read variables from an environment that has these and no `.env`."""
    for name in PlatformVariables.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return PlatformVariables(_env_file=None)  # type: ignore[call-arg]  # an argument of pydantic-settings' own


def held(plan: SecretPlan) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The cluster after a plan was carried out."""
    return {(each.namespace, each.name): each.manifest for each in plan.changes}


def actions(plan: SecretPlan) -> dict[str, str]:
    """What becomes of each Secret."""
    return {f"{each.namespace}/{each.name}": each.action for each in plan.changes}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], Mapping[str, Any]]:
    """A cluster on which everything was installed."""
    given = variables(monkeypatch, GIVEN)
    return held(plan_secrets(SPECS, given=given, held={})) | held(plan_logins(given, held={}))


def test_the_plan_makes_what_the_guide_documents(installed: dict[tuple[str, str], Mapping[str, Any]]) -> None:
    """A pod would wait for a key that nobody makes: a fresh install once never finished for that."""
    made: dict[str, tuple[set[str], set[str]]] = {}
    for (namespace, name), manifest in installed.items():
        made.setdefault(name, (set(), set(manifest["data"])))[0].add(namespace)
    assert made == documented_secrets()


def test_a_second_run_changes_nothing(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up password that is made up again locks its database out."""
    given = variables(monkeypatch, GIVEN)
    again = (*plan_secrets(SPECS, given=given, held=installed).changes, *plan_logins(given, held=installed).changes)
    assert {each.action for each in again} == {"keep"}
    assert all(not each.manifest for each in again)


def test_nothing_needs_to_be_given_again(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade would need the vault's contents in the environment of whoever runs it."""
    given = variables(monkeypatch, {})
    assert plan_secrets(SPECS, given=given, held=installed).problems == ()
    assert plan_logins(given, held=installed).problems == ()


def test_a_token_that_kubernetes_fills_for_an_account_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next installation would empty it, and every service would refuse the tests."""
    data = {"token": "YS1odXNoLXRva2Vu", "ca.crt": "eA==", "namespace": "eA=="}
    filled = {"type": "kubernetes.io/service-account-token", "metadata": {}, "data": data}
    plan = plan_secrets(SPECS, given=variables(monkeypatch, GIVEN), held={(MODELS, "served-model-token"): filled})
    assert actions(plan)[f"{MODELS}/served-model-token"] == "keep"


def test_logins_are_all_that_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's token is for gated repositories: whoever imports public ones has none to give."""
    given = variables(monkeypatch, {})
    plan = plan_secrets(SPECS, given=given, held={})
    [token] = [each for each in plan.changes if each.name == "huggingface-token"]
    assert (token.action, token.manifest["data"]) == ("create", {"HF_TOKEN": ""})
    assert (*plan.problems, *plan_logins(given, held={}).problems) == (
        "QUAY_USERNAME and QUAY_PASSWORD are not set, nor REGISTRY_AUTH_FILE: no pod could pull",
    )


def test_a_given_value_replaces_the_held_one(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotated token would never reach the cluster."""
    plan = plan_secrets(SPECS, given=variables(monkeypatch, {"HF_TOKEN": "hf-other"}), held=installed)
    [change] = [each for each in plan.changes if each.action != "keep"]
    assert (change.name, change.action, change.given) == ("huggingface-token", "update", ("HF_TOKEN",))
    before = installed[MODELS, "huggingface-token"]["metadata"]["annotations"][ROTATION]
    assert change.manifest["metadata"]["annotations"][ROTATION] != before


@pytest.mark.parametrize(
    ("variable", "secret"),
    [("MYSQL_PASSWORD", "mysql-credentials"), ("POSTGRES_PASSWORD", "prefect-database-credentials")],
)
def test_a_databases_password_is_changed_only_after_the_database(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch, variable: str, secret: str
) -> None:
    """The server would be locked out of a database that keeps the password of its first start."""
    given = variables(monkeypatch, {variable: "another"})
    [problem] = plan_secrets(SPECS, given=given, held=installed).problems
    assert problem.startswith(f"{variable} differs from Secret {secret}")
    assert f"--rotate {secret}" in problem
    allowed = plan_secrets(SPECS, given=given, held=installed, rotate=[secret])
    assert allowed.problems == ()
    assert [each.name for each in allowed.changes if each.action == "update"] == [secret]


def test_a_secret_of_two_namespaces_has_one_value(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MinIO's user would be made with one password, and flows would log in with another."""
    names = [(MODELS, "minio-credentials"), (STORAGE, "minio-credentials")]
    assert installed[names[0]]["data"] == installed[names[1]]["data"]
    without_one = {place: secret for place, secret in installed.items() if place != names[0]}
    mended = held(plan_secrets(SPECS, given=variables(monkeypatch, {}), held=without_one))
    assert mended[names[0]]["data"] == installed[names[0]]["data"]


def test_two_namespaces_that_disagree_are_a_persons_decision(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Choosing one of two passwords by chance locks somebody out."""
    other = base64.b64encode(b"another-secret").decode()
    secret = installed[STORAGE, "minio-credentials"]
    changed = {**secret, "data": {**secret["data"], "secretkey": other}}
    installed[STORAGE, "minio-credentials"] = changed
    [problem] = plan_secrets(SPECS, given=variables(monkeypatch, {}), held=installed).problems
    assert problem.startswith("MINIO_SECRET_KEY is not set, and Secret minio-credentials differs between")


def test_failure_16_reader_and_writer_are_never_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may read the weights could replace them; once everybody was root."""
    given = variables(monkeypatch, GIVEN | {"MINIO_ACCESS_KEY": "same", "KSERVE_ACCESS_KEY": "same"})
    [problem] = plan_secrets(SPECS, given=given, held={}).problems
    assert "name one user" in problem


def test_logins_to_other_registries_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base image could not be pulled any more once Quay's password was renewed."""
    document = {"auths": {"registry.redhat.io": {"auth": "eA=="}, "quay.io": {"auth": "b2xk"}}}
    before = {"data": {LOGINS_KEY: base64.b64encode(json.dumps(document).encode()).decode()}, "metadata": {}}
    [change] = plan_logins(variables(monkeypatch, GIVEN), held={(MODELS, LOGINS): before}).changes
    auths = json.loads(base64.b64decode(change.manifest["data"][LOGINS_KEY]))["auths"]
    assert auths == {
        "registry.redhat.io": {"auth": "eA=="},
        "quay.io": {"auth": base64.b64encode(b"robot:quay-hush").decode()},
    }


def test_half_a_login_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its password a user name is silently no login."""
    plan = plan_logins(variables(monkeypatch, {"QUAY_USERNAME": "robot"}), held={})
    assert plan.problems == ("QUAY_PASSWORD is not set, but its other half is",)


def test_failure_16_no_value_is_shown(
    installed: dict[tuple[str, str], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten characters of a token once stood in a log."""
    assert installed
    given = variables(monkeypatch, GIVEN | {"MYSQL_PASSWORD": "not hex: $hush"})
    plan = plan_secrets(SPECS, given=given, held={})
    shown = repr(given) + repr(plan) + repr(plan_logins(given, held={})) + repr(given.unfit())
    assert "hush" not in shown
    assert not any(part in shown for part in (each["data"].get("secretkey", "hush") for each in held(plan).values()))


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MYSQL_PASSWORD", "with@sign", "only letters, digits"),
        ("MINIO_SECRET_KEY", "short", "8 characters"),
        ("PREFECT_API_AUTH_STRING", "no-colon", "name:password"),
    ],
)
def test_values_that_would_break_their_user_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """A password with an @ splits an address, and the pod's log says something else."""
    [problem] = variables(monkeypatch, {variable: value}).unfit()
    assert variable in problem
    assert said in problem
    assert value not in problem


def test_an_env_file_counts_and_the_environment_counts_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever filled `.env` in would be told that everything is missing."""
    variables(monkeypatch, {"HF_TOKEN": "of the environment"})
    (tmp_path / ".env").write_text("HF_TOKEN=of the file\nQUAY_USERNAME=robot\nMYSQL_PASSWORD=\n")
    monkeypatch.chdir(tmp_path)
    given = PlatformVariables()
    assert [given.value(name) for name in ("hf_token", "quay_username", "mysql_password")] == [
        "of the environment",
        "robot",
        None,
    ]
