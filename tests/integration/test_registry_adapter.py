"""The registry adapter against the sandbox's registry, over HTTP: what it writes, heals and finds, and how it fails."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_registry import ModelRegistry as OfficialClient
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from blocks.errors import AccessDeniedError, NotFoundError, RejectedError, UnavailableError
from blocks.registry import ModelRegistry, RegistryClient
from blocks.registry_entries import ArtifactSource, RegisteredVersion, VersionEntry
from blocks.registry_session import RegistryAddress
from tests.integration.registry_server import Slot, empty_registry, serving

BASE = "/api/model_registry/v1alpha3"

ENTRY = VersionEntry(
    model="Mistral-Small-24B-Instruct",
    version="quantized-w4a16",
    uri="s3://llm-models/Mistral-Small-24B-Instruct/quantized-w4a16/",
    format_name="vLLM",
    format_version="1",
    description="W4A16",
    properties={"manifest_sha256": "ab12", "files": 12, "gated": False, "score": 0.5},
    source=ArtifactSource(
        kind="huggingface", source_class="repository", group="RedHatAI", id="c0ffee", name="RedHatAI/x"
    ),
)


@dataclass
class Front:
    """Stands before the registry: records the requests, and answers some of them itself."""

    behind: ASGIApp
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    instead: list[Response | None] = field(default_factory=list)
    before_post: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the next of `instead`, or let the registry answer."""
        request = Request(scope)
        self.requests.append((request.method, request.url.path.rsplit("/", 1)[-1]))
        self.headers.append(dict(request.headers))
        if request.method == "POST" and self.before_post:
            await self.before_post()
        answer = self.instead.pop(0) if self.instead else None
        await (answer or self.behind)(scope, receive, send)

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [request for request in self.requests if request[0] != "GET"]


def _send(method: str, url: str, body: object = None) -> dict[str, Any]:
    """Ask the registry by plain HTTP; gives the JSON of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 - our own http server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        return dict(json.load(answer))


@contextmanager
def _serving_tls(app: ASGIApp, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve with a certificate that nobody trusts yet; gives the address and the certificate."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    key.write_bytes(private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    certificate.write_bytes(signed.public_bytes(encoding))
    with serving(app, ssl_keyfile=str(key), ssl_certfile=str(certificate)) as address:
        yield address.replace("http:", "https:"), certificate


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Slot]]:
    """One server for all tests; each puts its own registry into it."""
    slot = Slot()
    with serving(slot) as address:
        yield address, slot


@pytest.fixture
def front(server: tuple[str, Slot], tmp_path: Path) -> Iterator[Front]:
    """The front of an empty registry."""
    with empty_registry(tmp_path) as behind:
        server[1].app = front = Front(behind)
        yield front


@pytest.fixture
def address(server: tuple[str, Slot], front: Front) -> str:
    """Address of that registry."""
    assert front is server[1].app
    return server[0]


@pytest.fixture
def client(address: str) -> RegistryClient:
    """Our client of that registry, made by the block as a flow does."""
    return ModelRegistry(address=address).client()


@pytest.fixture
def official(address: str) -> OfficialClient:
    """The official client of that registry: another tool that uses it beside us."""
    return OfficialClient(address, author="other", user_token="any", is_secure=False, async_runner=asyncio.run)


def test_an_entry_is_read_back_as_written(client: RegistryClient) -> None:
    """Deploying and testing rely on every one of these facts."""
    written = client.upsert_version(ENTRY)
    assert client.find_version(ENTRY.model, ENTRY.version) == written
    assert (written.model, written.version, written.state, written.author) == (
        ENTRY.model,
        ENTRY.version,
        "LIVE",
        "slipway",
    )
    assert (written.description, written.properties) == (ENTRY.description, ENTRY.properties)
    assert [type(value) for value in written.properties.values()] == [str, int, bool, float]
    assert written.artifact is not None
    assert (written.artifact.uri, written.artifact.format_name, written.artifact.source) == (
        ENTRY.uri,
        "vLLM",
        ENTRY.source,
    )


def test_the_official_client_reads_our_entry(client: RegistryClient, official: OfficialClient) -> None:
    """Dashboards and notebooks use it; an entry that only we can read is useless to them."""
    client.upsert_version(ENTRY)
    version = official.get_model_version(ENTRY.model, ENTRY.version)
    artifact = official.get_model_artifact(ENTRY.model, ENTRY.version)
    assert version is not None
    assert version.custom_properties == ENTRY.properties
    assert artifact is not None
    assert (artifact.uri, artifact.model_source_id) == (ENTRY.uri, "c0ffee")


def test_failure_4_a_lookup_by_name_never_returns_the_first_record(
    client: RegistryClient, official: OfficialClient
) -> None:
    """Results went to the wrong model: a list ignores `name`, and its first record was taken."""
    official.register_model("Alpha", "s3://a", model_format_name="f", model_format_version="1", version=ENTRY.version)
    client.upsert_version(ENTRY)
    found = client.find_version(ENTRY.model, ENTRY.version)
    assert found is not None
    assert found.artifact is not None
    assert (found.model, found.artifact.uri) == (ENTRY.model, ENTRY.uri)


def test_failure_4_properties_go_to_the_version_of_the_named_model_only(
    client: RegistryClient, official: OfficialClient
) -> None:
    """Two models have versions of one name; a benchmark of one must not be published to the other."""
    official.register_model("Alpha", "s3://a", model_format_name="f", model_format_version="1", version=ENTRY.version)
    client.upsert_version(ENTRY)
    client.merge_properties(ENTRY.model, ENTRY.version, {"accuracy": 0.7})
    other = client.find_version("Alpha", ENTRY.version)
    assert other is not None
    assert other.properties == {}


def test_failure_4_an_unknown_name_finds_nothing_in_a_full_registry(
    client: RegistryClient, official: OfficialClient
) -> None:
    """The first record of a list would have been found here."""
    official.register_model("Alpha", "s3://a", model_format_name="f", model_format_version="1", version="v1")
    assert client.find_version("Beta", "v1") is None
    assert client.find_version("Alpha", "v2") is None


def test_failure_5_registering_an_existing_version_updates_it(client: RegistryClient) -> None:
    """It called methods that do not exist, swallowed the error, reported success, and left the old entry."""
    client.upsert_version(ENTRY)
    moved = replace(ENTRY, uri="s3://elsewhere/", description="moved", properties={"files": 13})
    client.upsert_version(moved)
    found = client.find_version(ENTRY.model, ENTRY.version)
    assert found is not None
    assert found.artifact is not None
    assert (found.artifact.uri, found.description, found.properties["files"]) == ("s3://elsewhere/", "moved", 13)


def test_failure_5_a_failure_to_register_is_never_a_success(front: Front, client: RegistryClient) -> None:
    """Whatever the registry refuses must stop the flow."""
    client.upsert_version(ENTRY)
    refusal = JSONResponse({"code": "Bad Request", "message": "no"}, status_code=400)
    front.instead = [None, None, None, refusal]
    with pytest.raises(RejectedError, match=r"HTTP 400\): no"):
        client.upsert_version(replace(ENTRY, description="other"))


def test_an_equal_entry_writes_nothing(front: Front, client: RegistryClient) -> None:
    """A re-run of an import must not touch update times, nor race with who writes results."""
    first = client.upsert_version(ENTRY)
    front.requests.clear()
    assert client.upsert_version(ENTRY) == first
    assert front.writes == []


def test_unknown_properties_of_every_type_are_kept(address: str, client: RegistryClient) -> None:
    """A PATCH replaces the map: test results and other tools' structures would vanish with every re-import."""
    version_id = client.upsert_version(ENTRY).version_id
    struct = {"struct_value": "eyJhIjoxfQ==", "metadataType": "MetadataStructValue"}
    label = {"string_value": "", "metadataType": "MetadataStringValue"}
    url = f"{address}{BASE}/model_versions/{version_id}"
    _send("PATCH", url, {"customProperties": {"tool": struct, "label": label}})
    client.upsert_version(ENTRY)
    read = _send("GET", url)["customProperties"]
    assert (read["tool"], read["label"], set(read)) == (struct, label, {"tool", "label", *ENTRY.properties})


def test_merging_properties_keeps_the_others(client: RegistryClient) -> None:
    """Test results are added to what the import wrote."""
    client.upsert_version(ENTRY)
    merged = client.merge_properties(ENTRY.model, ENTRY.version, {"accuracy": 0.7, "files": 13})
    assert merged.properties == {**ENTRY.properties, "accuracy": 0.7, "files": 13}


def test_a_property_that_changes_its_type_is_written(client: RegistryClient) -> None:
    """In Python True equals 1 and 1 equals 1.0; in the registry they are three different values."""
    client.upsert_version(replace(ENTRY, properties={"flag": 1, "rate": 1}))
    merged = client.merge_properties(ENTRY.model, ENTRY.version, {"flag": True, "rate": 1.0})
    assert [type(merged.properties[name]) for name in ("flag", "rate")] == [bool, float]


def test_merging_into_an_unknown_version_is_refused(client: RegistryClient) -> None:
    """Results of a version that nobody registered must not appear anywhere."""
    with pytest.raises(NotFoundError, match="version ghost/v1"):
        client.merge_properties("ghost", "v1", {"a": 1})


@pytest.mark.parametrize("value", [10**9, float("nan"), float("inf")])
def test_a_value_that_the_api_cannot_carry_is_refused_before_anything_is_written(
    front: Front, client: RegistryClient, value: float
) -> None:
    """A byte count of a real model has more digits than the API allows; half an entry would be left."""
    with pytest.raises(RejectedError, match="the custom property bytes cannot be"):
        client.upsert_version(replace(ENTRY, properties={"bytes": value}))
    assert front.requests == []


def test_an_archived_version_stays_archived(address: str, client: RegistryClient) -> None:
    """The official models fill in LIVE; a nightly test would revive what somebody has retired."""
    version_id = client.upsert_version(ENTRY).version_id
    _send("PATCH", f"{address}{BASE}/model_versions/{version_id}", {"state": "ARCHIVED"})
    assert client.merge_properties(ENTRY.model, ENTRY.version, {"accuracy": 0.7}).state == "ARCHIVED"
    assert client.upsert_version(replace(ENTRY, description="new")).state == "ARCHIVED"


def test_a_model_without_the_version_is_completed(client: RegistryClient, official: OfficialClient) -> None:
    """An import was killed after its first of three calls."""
    official.register_model(ENTRY.model, "s3://a", model_format_name="f", model_format_version="1", version="other")
    written = client.upsert_version(ENTRY)
    assert client.find_version(ENTRY.model, ENTRY.version) == written


@pytest.mark.parametrize("answered", [1, 2, 3, 4, 5, 6])
def test_an_upsert_that_broke_off_is_healed_by_the_next(front: Front, client: RegistryClient, answered: int) -> None:
    """Registering is several calls; after a kill between any two, the same import must complete the entry."""
    front.instead = [None] * answered + [PlainTextResponse("gone", status_code=502)]
    with pytest.raises(UnavailableError):
        client.upsert_version(ENTRY)
    written = client.upsert_version(ENTRY)
    assert written == client.find_version(ENTRY.model, ENTRY.version)
    assert written.artifact is not None
    assert written.artifact.uri == ENTRY.uri
    assert len(list(client.list_versions(ENTRY.model))) == 1


def test_a_version_without_an_artifact_says_so(front: Front, client: RegistryClient) -> None:
    """Deploying must see that there is nothing to deploy, instead of another version's weights."""
    front.instead = [None] * 5 + [PlainTextResponse("gone", status_code=502)]
    with pytest.raises(UnavailableError):
        client.upsert_version(ENTRY)
    found = client.find_version(ENTRY.model, ENTRY.version)
    assert found is not None
    assert found.artifact is None


def test_two_upserts_at_once_end_with_one_entry(front: Front, client: RegistryClient) -> None:
    """Both find nothing and both create; the slower one gets 409 and must take what the faster one made."""
    both = threading.Barrier(2, timeout=60)

    async def wait_for_the_other() -> None:
        await asyncio.to_thread(both.wait)

    front.before_post = wait_for_the_other
    with ThreadPoolExecutor(2) as callers:
        first, second = callers.map(client.upsert_version, [ENTRY, ENTRY])
    assert first == second
    assert len(front.writes) == 6
    assert [version.version for version in client.list_versions(ENTRY.model)] == [ENTRY.version]


def test_more_than_one_page_of_versions_is_listed_once_each(address: str, client: RegistryClient) -> None:
    """An audit that saw only the first hundred versions would call the others leftovers."""
    names = [f"v{number}" for number in range(120)]
    model = _send("POST", f"{address}{BASE}/registered_models", {"name": ENTRY.model})
    for name in names:
        _send("POST", f"{address}{BASE}/registered_models/{model['id']}/versions", {"name": name})
    assert [version.version for version in client.list_versions(ENTRY.model)] == names


def test_the_versions_of_an_unknown_model_are_none(client: RegistryClient) -> None:
    """An audit asks for models that nobody has imported yet."""
    assert list(client.list_versions("ghost")) == []


def test_the_version_url_leads_to_the_version(client: RegistryClient) -> None:
    """It stands in receipts as the link to follow."""
    version = client.upsert_version(ENTRY)
    assert _send("GET", client.version_url(version))["name"] == ENTRY.version


def test_api_version_v1_is_asked_for_where_the_block_says_so(front: Front, address: str) -> None:
    """Servers drop v1alpha3 some day; users must be able to go on by a setting."""
    ModelRegistry(address=address, api_version="v1").client().ping()
    assert front.requests == [("GET", "registered_models")]


@pytest.mark.parametrize("name", ["a b", "a/b", "a+b&c=d", "ü", "100%"])
def test_names_with_special_characters_find_their_own_version(client: RegistryClient, name: str) -> None:
    """Repository names hold slashes; a badly quoted query would find another entry or none."""
    client.upsert_version(replace(ENTRY, model=name, version=name))
    found = client.find_version(name, name)
    assert found is not None
    assert (found.model, found.version) == (name, name)


def test_a_registry_that_is_down_is_unavailable() -> None:
    """Preflight has to say that it is down, and a task has to try again."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(UnavailableError, match=r"no answer from .*Try `curl -sS http") as caught:
        ModelRegistry(address=address).client().ping()
    assert caught.value.transient


def test_a_registry_that_does_not_answer_in_time_is_unavailable() -> None:
    """A hung server must not hang the flow."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = RegistryAddress(address=f"http://127.0.0.1:{silent.getsockname()[1]}", deadline=0.2)
        with pytest.raises(UnavailableError, match=r"0\.2 seconds passed"):
            RegistryClient(place, author="a").ping()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failing_registry_is_unavailable_then_works(front: Front, client: RegistryClient, status: int) -> None:
    """A restart of the registry must cost a retry, not the import."""
    front.instead = [JSONResponse({"code": "x", "message": "later"}, status_code=status)]
    with pytest.raises(UnavailableError, match=f"HTTP {status}"):
        client.upsert_version(ENTRY)
    assert client.upsert_version(ENTRY).artifact is not None


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_named_by_its_variable(
    front: Front, address: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The user must learn which variable to mend, and never see the token."""
    monkeypatch.setenv("REGISTRY_TOKEN", "very-secret")
    front.instead = [JSONResponse({"code": "x", "message": "no"}, status_code=status)]
    with pytest.raises(AccessDeniedError, match=r"\$REGISTRY_TOKEN") as caught:
        ModelRegistry(address=address, token_variable="REGISTRY_TOKEN").client().ping()
    assert "very-secret" not in str(caught.value)
    assert front.headers[0]["authorization"] == "Bearer very-secret"


def test_a_registry_that_wants_a_token_says_where_to_put_it(front: Front, client: RegistryClient) -> None:
    """Without a token variable the remedy is another one."""
    front.instead = [JSONResponse({"code": "x", "message": "no"}, status_code=401)]
    with pytest.raises(AccessDeniedError, match="token_variable"):
        client.ping()


def test_a_missing_token_variable_is_refused_before_any_request(address: str, front: Front) -> None:
    """An optional secret that did not exist once made everything run unauthenticated, silently."""
    with pytest.raises(AccessDeniedError, match=r"export NO_SUCH_TOKEN="):
        ModelRegistry(address=address, token_variable="NO_SUCH_TOKEN").client()
    assert front.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("404 page not found", status_code=404),
        PlainTextResponse("<html>log in</html>", media_type="text/html"),
        JSONResponse({"hello": "world"}),
        PlainTextResponse("{", media_type="application/json"),
        RedirectResponse("/healthz"),
    ],
)
def test_what_is_no_registry_is_never_taken_for_an_empty_one(
    front: Front, client: RegistryClient, answer: Response
) -> None:
    """A wrong address, a login page, or a server without this API version: "no such model" would be a lie."""
    front.instead = [answer]
    with pytest.raises(RejectedError, match="no Model Registry gives") as caught:
        client.find_version(ENTRY.model, ENTRY.version)
    assert not caught.value.transient


def test_every_method_works_inside_a_running_loop(client: RegistryClient) -> None:
    """Prefect calls sync tasks from async flows, where a second loop in the same thread is not allowed."""

    async def flow() -> RegisteredVersion:
        return client.upsert_version(ENTRY)

    assert asyncio.run(flow()) == client.find_version(ENTRY.model, ENTRY.version)


def test_many_threads_may_share_a_client(client: RegistryClient) -> None:
    """Mapped tasks run in threads."""
    client.upsert_version(ENTRY)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: client.find_version(ENTRY.model, ENTRY.version), range(16)))
    assert len({version.version_id for version in found if version}) == 1


def test_the_adapter_leaves_the_root_logger_alone() -> None:
    """The official client configures it on import, and so doubles every line of a flow's log."""
    script = "import logging, blocks.registry_operations; assert not logging.getLogger().handlers"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_untrusted_certificate_is_refused(tmp_path: Path, front: Front) -> None:
    """Verification was once switched off while a token was loaded; a stranger's server must not get ours."""
    with _serving_tls(front, tmp_path) as (address, _):
        with pytest.raises(RejectedError, match="SLIPWAY_CA_BUNDLE") as caught:
            ModelRegistry(address=address).client().ping()
        assert not caught.value.transient
        assert front.requests == []


def test_a_ca_bundle_makes_a_private_authority_trusted(tmp_path: Path, front: Front) -> None:
    """OpenShift's routes are often signed by the company's own authority, and need no token."""
    with _serving_tls(front, tmp_path) as (address, bundle):
        ModelRegistry(address=address, ca_bundle=str(bundle)).client().ping()


def test_a_ca_bundle_that_does_not_exist_is_named(address: str) -> None:
    """A wrong path must not look like a registry that is down."""
    with pytest.raises(RejectedError, match=r"the CA bundle /no/such/bundle\.pem cannot be used"):
        ModelRegistry(address=address, ca_bundle="/no/such/bundle.pem").client().ping()


@pytest.mark.parametrize("address", ["registry:8080", "ftp://registry", "http://registry:8080/api"])
def test_an_address_that_is_none_is_refused_by_the_block(address: str) -> None:
    """A typo has to be seen when the block is registered, not in the middle of an import."""
    with pytest.raises(ValueError, match="address"):
        ModelRegistry(address=address)
