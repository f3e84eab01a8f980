"""Who holds which secret of the platform, and that none of them shows."""

from __future__ import annotations

import pytest

from tests.contract.platform_objects import (
    OVERLAYS,
    containers,
    documented_secrets,
    named,
    of_kind,
    pods,
    secret_references,
)

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@overlays
def test_a_fresh_install_lacks_no_namespace_database_secret_or_pull_secret(overlay: str) -> None:
    """A fresh install could not converge: pods waited for Secrets, and for a namespace, that no step had made."""
    documented = documented_secrets()
    for namespace, name, key in secret_references(overlay):
        named(overlay, "Namespace", namespace)
        assert namespace in documented[name][0], f"{name} is not made in {namespace}"
        assert key is None or key in documented[name][1], f"{name} has no key {key}"
    references = {(namespace, name) for namespace, name, _ in secret_references(overlay)}
    assert ("rhoai-model-registries", "mysql-credentials") in references
    assert ("private-ai-demo", "quay-credentials") in references


@overlays
def test_no_secret_reference_is_optional(overlay: str) -> None:
    """A server would start open, or a job run unauthenticated, and nobody would notice."""
    optional = [
        entry["name"]
        for _, template in pods(overlay)
        for container in containers(template)
        for entry in container["env"]
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("optional")
    ]
    assert optional == []


@overlays
def test_root_credentials_of_minio_are_not_everywhere(overlay: str) -> None:
    """Every pod once held MinIO's root user; now the server itself and the Job that makes the users do."""
    holders = {
        owner["metadata"]["name"]
        for owner, template in pods(overlay)
        for container in containers(template)
        for entry in container["env"]
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "minio-root-credentials"
    }
    assert holders == {"minio", "minio-bucket"}
    assert documented_secrets()["minio-root-credentials"][0] == {"model-storage"}


@overlays
def test_no_secret_is_an_argument_or_in_a_config_map(overlay: str) -> None:
    """Ten characters of a token were once printed; an argument shows all of it to whoever lists processes."""
    secret_variables = {
        entry["name"]
        for _, template in pods(overlay)
        for container in containers(template)
        for entry in container["env"]
        if "secretKeyRef" in entry.get("valueFrom", {})
    }
    for _, template in pods(overlay):
        for container in containers(template):
            words = " ".join([*container.get("command", []), *container.get("args", [])])
            assert not [name for name in secret_variables if f"$({name})" in words]
    environment = named(overlay, "ConfigMap", "slipway-environment")["data"]
    assert not secret_variables & environment.keys()
    assert not [name for name in environment if name.endswith(("_KEY", "_TOKEN", "_PASSWORD", "_SECRET"))]


@overlays
def test_the_prefect_server_does_not_start_without_its_auth_string(overlay: str) -> None:
    """Whoever reaches an open Prefect API may run anything, with the flows' rights."""
    [server] = containers(named(overlay, "Deployment", "prefect-server")["spec"]["template"])
    [auth] = [entry for entry in server["env"] if entry["name"] == "PREFECT_SERVER_API_AUTH_STRING"]
    assert auth["valueFrom"] == {"secretKeyRef": {"name": "prefect-api-auth", "key": "PREFECT_API_AUTH_STRING"}}


@overlays
def test_a_registry_has_its_own_database_user(overlay: str) -> None:
    """MySQL's root password would be in the registry's pod, and the user of MySQL and of the registry would differ."""
    [database] = containers(named(overlay, "Deployment", "model-registry-db")["spec"]["template"])
    values = {entry["name"]: entry.get("value") for entry in database["env"]}
    if overlay == "openshift":
        [registry] = of_kind(overlay, "ModelRegistry")
        assert registry["spec"]["mysql"]["username"] == values["MYSQL_USER"]
        assert registry["spec"]["mysql"]["database"] == values["MYSQL_DATABASE"]
        return
    [server] = containers(named(overlay, "Deployment", "private-ai-model-registry")["spec"]["template"])
    environment = {entry["name"]: entry.get("value") for entry in server["env"]}
    assert "MYSQL_ROOT_PASSWORD" not in environment
    address = f"{values['MYSQL_USER']}:$(MYSQL_PASSWORD)@tcp(model-registry-db:3306)/{values['MYSQL_DATABASE']}?"
    assert environment["MR_EMBEDMD_DATABASE_DSN"].startswith(address)
