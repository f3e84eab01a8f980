"""The sandbox's registry, asked by the official client and by plain HTTP, behaves as the real one."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from model_registry import ModelRegistry
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import DocArtifact, ListOptions, ModelArtifact, Parameter
from mr_openapi import ArtifactTypeQueryParam, ModelVersionState, ParameterType

from tests.integration.ports import free_port
from tests.integration.registry_server import Slot, empty_registry, serving

BASE = "/api/model_registry/v1alpha3"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Slot]]:
    """One server for all tests; each puts its own registry into it."""
    slot = Slot()
    with serving(slot) as address:
        yield address, slot


@pytest.fixture
def address(server: tuple[str, Slot], tmp_path: Path) -> Iterator[str]:
    """Address of an empty registry."""
    with empty_registry(tmp_path) as app:
        server[1].app = app
        yield server[0]


@pytest.fixture
def client(address: str) -> ModelRegistry:
    """The official client of that registry."""
    return _client(address)


def _client(address: str) -> ModelRegistry:
    return ModelRegistry(address, author="tester", user_token="any", is_secure=False, async_runner=asyncio.run)


def _core(address: str) -> ModelRegistryAPIClient:
    host, port = address.rsplit(":", 1)
    return ModelRegistryAPIClient.insecure_connection(host, int(port))


def _register(client: ModelRegistry, version: str = "v1", **more: Any) -> None:  # noqa: ANN401 - the official client's own keywords
    client.register_model(
        "mistral", f"s3://b/{version}", model_format_name="vLLM", model_format_version="1", version=version, **more
    )


@contextmanager
def _process(database: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the server as its users do, on a free port; gives its address when it is ready."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.registry", "--database", str(database), "--port", str(port)]
    )
    try:
        address = f"http://127.0.0.1:{port}"
        while not _ready(f"{address}/healthz"):
            assert process.poll() is None, "the server ended before it was ready"
            time.sleep(0.05)
        yield address, process
    finally:
        process.kill()
        process.wait()


def _ready(url: str) -> bool:
    try:
        return _ask("GET", url)[0] == 200
    except OSError:
        return False


def _ask(method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Ask by plain HTTP; gives the status and the JSON of the answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:  # noqa: S310 - our own http server
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_official_client_reads_back_what_it_registered(client: ModelRegistry) -> None:
    """Without this, the sandbox would show a registry entry that the real client cannot read."""
    _register(client, author="ada", model_source_kind="hf", model_source_id="org/repo", version_description="about")
    model = client.get_registered_model("mistral")
    version = client.get_model_version("mistral", "v1")
    artifact = client.get_model_artifact("mistral", "v1")
    assert model is not None
    assert model.owner == "tester"
    assert version is not None
    assert (version.author, version.description, version.registered_model_id) == ("ada", "about", model.id)
    assert artifact is not None
    assert (artifact.uri, artifact.model_format_name, artifact.model_source_id) == ("s3://b/v1", "vLLM", "org/repo")


def test_custom_properties_keep_their_types(client: ModelRegistry) -> None:
    """A metric that came back as a string, or True as 1, would break every gate that reads it."""
    properties = {"text": "x", "count": -3, "score": 0.25, "gated": True, "whole": 2.0}
    _register(client, metadata=properties)
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    assert version.custom_properties == properties
    assert [type(version.custom_properties[name]) for name in properties] == [str, int, float, bool, float]


def test_struct_and_proto_properties_are_kept_as_sent(address: str) -> None:
    """Other tools store these two types; a registry that lost them would hide that our adapter loses them."""
    properties = {
        "struct": {"struct_value": "eyJhIjoxfQ==", "metadataType": "MetadataStructValue"},
        "proto": {"type": "t", "proto_value": "eA==", "metadataType": "MetadataProtoValue"},
    }
    _, model = _ask("POST", f"{address}{BASE}/registered_models", {"name": "m", "customProperties": properties})
    assert _ask("GET", f"{address}{BASE}/registered_models/{model['id']}")[1]["customProperties"] == properties


def test_update_overwrites_what_is_sent_and_keeps_the_rest(client: ModelRegistry) -> None:
    """PATCH merges; if it replaced, an update of the description would erase the author."""
    _register(client, author="ada")
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    version.description = "new"
    version.state = ModelVersionState.ARCHIVED
    client.update(version)
    read = client.get_model_version("mistral", "v1")
    assert read is not None
    assert (read.author, read.description, read.state) == ("ada", "new", ModelVersionState.ARCHIVED)


def test_patched_custom_properties_replace_the_whole_map(client: ModelRegistry) -> None:
    """The real server replaces the map; a kinder stand-in would hide a caller that forgets the old properties."""
    _register(client, metadata={"old": 1})
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    version.custom_properties = {"new": 2}
    assert client.update(version).custom_properties == {"new": 2}


def test_a_patch_without_state_does_not_revive_an_archived_version(address: str, client: ModelRegistry) -> None:
    """The API's models default the state to LIVE; filling that in would undo an archiving with every patch."""
    _register(client)
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    url = f"{address}{BASE}/model_versions/{version.id}"
    _ask("PATCH", url, {"state": "ARCHIVED"})
    assert _ask("PATCH", url, {"description": "x", "author": None})[1]["state"] == "ARCHIVED"


def test_a_list_of_models_ignores_name_as_the_real_server_does(address: str, client: ModelRegistry) -> None:
    """The stand-in must have the trap that published results to the wrong model."""
    _register(client)
    client.register_model("other", "s3://b", model_format_name="f", model_format_version="1", version="v")
    listed = _ask("GET", f"{address}{BASE}/registered_models?name=other")[1]
    assert [item["name"] for item in listed["items"]] == ["mistral", "other"]


def test_a_lookup_that_finds_nothing_answers_404(address: str) -> None:
    """The client turns exactly this status into None."""
    status, error = _ask("GET", f"{address}{BASE}/registered_model?name=absent")
    assert (status, set(error)) == (404, {"code", "message"})


def test_a_lookup_without_enough_criteria_is_refused(address: str) -> None:
    """A version's name without its model would find some version of some model."""
    assert _ask("GET", f"{address}{BASE}/model_version?name=v1")[0] == 400


@pytest.mark.parametrize("path", ["registered_models", "model_versions", "model_versions/{version}/artifacts"])
def test_a_taken_name_answers_409(address: str, client: ModelRegistry, path: str) -> None:
    """Two callers who race are told apart by this status."""
    _register(client)
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    body = {
        "registered_models": {"name": "mistral"},
        "model_versions": {"name": "v1", "registeredModelId": version.registered_model_id},
        "model_versions/{version}/artifacts": {"name": "mistral", "uri": "s3://x", "artifactType": "model-artifact"},
    }[path]
    assert _ask("POST", f"{address}{BASE}/{path.format(version=version.id)}", body)[0] == 409


def test_versions_of_two_models_may_share_a_name(client: ModelRegistry) -> None:
    """Names are unique under one parent only: every model may have a `quantized-w4a16`."""
    _register(client)
    client.register_model("other", "s3://o", model_format_name="f", model_format_version="1", version="v1")
    other = client.get_model_artifact("other", "v1")
    assert other is not None
    assert other.uri == "s3://o"


def test_paging_shows_every_version_once_in_each_order(client: ModelRegistry) -> None:
    """A page that repeats or drops a version makes an audit wrong."""
    names = [f"v{number}" for number in range(7)]
    for name in names:
        _register(client, name)
    pager = client.get_model_versions("mistral").page_size(3)
    assert [version.name for version in pager.order_by_id()] == names
    assert [version.name for version in pager.order_by_id().descending()] == names[::-1]
    assert {version.name for version in pager.order_by_creation_time().ascending()} == set(names)


def test_ordering_by_update_time_puts_the_last_changed_last(client: ModelRegistry) -> None:
    """Whoever asks for the latest changes must get them."""
    for name in ("first", "second"):
        _register(client, name)
    first = client.get_model_version("mistral", "first")
    assert first is not None
    time.sleep(0.002)  # the API's clock ticks in milliseconds
    client.update(first)
    pager = client.get_model_versions("mistral").order_by_update_time()
    assert [version.name for version in pager] == ["second", "first"]


@pytest.mark.parametrize("query", ["pageSize=0x", "orderBy=NAME", "sortOrder=UP", "nextPageToken=x", "filterQuery=a=1"])
def test_bad_list_parameters_are_refused(address: str, query: str) -> None:
    """A parameter that is silently ignored gives a wrong list."""
    assert _ask("GET", f"{address}{BASE}/registered_models?{query}")[0] == 400


def test_artifacts_of_several_types_are_listed_and_filtered(address: str, client: ModelRegistry) -> None:
    """Evaluation settings hang beside the model artifact; a reader of one type must not get the other."""
    _register(client)
    core = _core(address)

    version = client.get_model_version("mistral", "v1")
    assert version is not None
    assert version.id is not None
    asyncio.run(core.upsert_model_version_artifact(DocArtifact(name="readme", uri="s3://doc"), version.id))
    asyncio.run(
        core.upsert_model_version_artifact(
            Parameter(name="limit", value="100", parameter_type=ParameterType.NUMBER), version.id
        )
    )
    everything = asyncio.run(core.get_model_version_artifacts(version.id))
    parameters = asyncio.run(
        core.get_model_version_artifacts(version.id, ListOptions.artifact_type(ArtifactTypeQueryParam.PARAMETER))
    )
    assert [type(artifact) for artifact in everything] == [ModelArtifact, DocArtifact, Parameter]
    assert [artifact.name for artifact in parameters] == ["limit"]


def test_a_metric_of_a_known_name_is_updated(address: str, client: ModelRegistry) -> None:
    """The real server overwrites a measurement of the same name instead of refusing it."""
    _register(client)
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    url = f"{address}{BASE}/model_versions/{version.id}/artifacts"
    first = _ask("POST", url, {"artifactType": "metric", "name": "accuracy", "value": 0.5})
    second = _ask("POST", url, {"artifactType": "metric", "name": "accuracy", "value": 0.6})
    assert (first[0], second[0]) == (201, 200)
    assert (second[1]["id"], second[1]["value"]) == (first[1]["id"], 0.6)


def test_an_artifact_without_a_version_can_be_hung_under_one(address: str, client: ModelRegistry) -> None:
    """The API makes artifacts alone, too; posting one with its id to a version attaches it."""
    _register(client)
    version = client.get_model_version("mistral", "v1")
    assert version is not None
    _, loose = _ask("POST", f"{address}{BASE}/model_artifacts", {"name": "adapter", "uri": "s3://a"})
    status, _ = _ask("POST", f"{address}{BASE}/model_versions/{version.id}/artifacts", loose)
    listed = _ask("GET", f"{address}{BASE}/model_versions/{version.id}/artifacts")[1]
    assert (status, [item["name"] for item in listed["items"]]) == (200, ["mistral", "adapter"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"name": ""}',
        b'{"name": "\\ud800"}',
        b'{"name": "m", "customProperties": {"p": {"int_value": "12345678901", "metadataType": "MetadataIntValue"}}}',
        b'{"name": "m", "customProperties": {"p": {"double_value": NaN, "metadataType": "MetadataDoubleValue"}}}',
        b'{"name": "m", "customProperties": {"p": {"string_value": "x"}}}',
        b'{"name": "m", "state": "GONE"}',
    ],
)
def test_a_bad_body_is_refused(address: str, body: bytes) -> None:
    """What the real server refuses must not be stored here, or the sandbox proves nothing."""
    assert _ask("POST", f"{address}{BASE}/registered_models", body)[0] == 400


@pytest.mark.parametrize(
    "path", ["experiments", "experiment_runs/1/artifacts", "inference_service", "serving_environments"]
)
def test_what_is_not_supported_says_so(address: str, path: str) -> None:
    """An empty list would look as if there were no experiments."""
    assert _ask("GET", f"{address}{BASE}/{path}")[0] == 501


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """The sandbox is killed in tests; a registry that forgot an answered write would look like a bug of ours."""
    database = tmp_path / "registry.db"
    with _process(database) as (address, process):
        _register(_client(address))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with _process(database) as (address, _):
        assert _client(address).get_model_artifact("mistral", "v1") is not None


def test_sigterm_ends_the_server(tmp_path: Path) -> None:
    """`python -m sandbox down` relies on it, also while a client keeps its connection open."""
    with _process(tmp_path / "registry.db") as (address, process):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))):
            process.terminate()
            assert process.wait(timeout=60) in {0, -signal.SIGTERM}
