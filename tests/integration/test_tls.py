"""TLS is verified on every way out: the version before this one patched it off while HF_TOKEN was loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory
from prefect_aws import AwsClientParameters, AwsCredentials

from blocks.errors import NotFoundError, RejectedError
from blocks.hub import ModelHub
from blocks.hub_files import HubFile
from blocks.object_store import ObjectStore
from blocks.served_model import ServedModel
from tests.integration.self_signed import self_signed, serving_tls

FILE = HubFile("model.safetensors", 10, None, "")


@dataclass(frozen=True)
class Server:
    """An HTTPS server whose certificate only its own file vouches for."""

    url: str
    certificate: Path
    asked: list[str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key in one file."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: Path) -> Iterator[Server]:
    """An HTTPS server that knows nothing: each request that reaches it gets 404."""
    with serving_tls(certificate) as (url, asked):
        try:
            yield Server(url, certificate, asked)
        finally:
            set_client_factory(default_client_factory)


def store(server: Server, *, ca_bundle: Path | None = None) -> ObjectStore:
    """A block for the server as an object store."""
    parameters = AwsClientParameters(endpoint_url=server.url, verify_cert_path=ca_bundle)
    credentials = AwsCredentials(
        aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1", aws_client_parameters=parameters
    )
    return ObjectStore(credentials=credentials)


def test_metadata_is_not_asked_of_an_untrusted_hub(server: Server) -> None:
    """The request carries the token."""
    with pytest.raises(RejectedError, match=r"not signed by a trusted authority.*SLIPWAY_CA_BUNDLE"):
        ModelHub(endpoint=server.url).client().resolve("acme/model", revision="main")
    assert server.asked == []


def test_content_is_not_read_from_an_untrusted_hub(server: Server) -> None:
    """Ranged reads make their own connections, which must verify too; and it is no failure that passes."""
    source = ModelHub(endpoint=server.url).client().open("acme/model", commit="c", file=FILE)
    with pytest.raises(RejectedError, match="not signed by a trusted authority"):
        source.read(0, 10)
    assert server.asked == []


def test_nothing_is_written_to_an_untrusted_store(server: Server) -> None:
    """Weights and leases would go to whoever answers."""
    with pytest.raises(RejectedError, match="not signed by a trusted authority"):
        store(server).client().probe()
    assert server.asked == []


def test_a_ca_bundle_is_trusted_everywhere(server: Server) -> None:
    """Where certificates are not publicly signed, there must be a better way than switching verification off."""
    bundle = str(server.certificate)
    hub = ModelHub(endpoint=server.url, ca_bundle=bundle).client()
    with pytest.raises(NotFoundError):
        hub.resolve("acme/model", revision="main")
    with pytest.raises(NotFoundError):
        hub.open("acme/model", commit="c", file=FILE).read(0, 10)
    assert store(server, ca_bundle=server.certificate).client().head("key") is None
    assert len(server.asked) == 3


def test_a_private_authority_and_a_public_one_are_both_trusted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private CA for MinIO made the public Hub untrusted, and its own error said to set the CA that was set."""
    private = self_signed(tmp_path, authority="our company")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    monkeypatch.setenv("SLIPWAY_CA_BUNDLE", str(private))
    for certificate in (server.certificate, private):
        with serving_tls(certificate) as (url, asked):
            hub = ModelHub(endpoint=url).client()
            with pytest.raises(NotFoundError):
                hub.resolve("acme/model", revision="main")
            with pytest.raises(NotFoundError):
                hub.open("acme/model", commit="c", file=FILE).read(0, 10)
            assert store(Server(url, certificate, asked)).client().head("key") is None
            with pytest.raises(NotFoundError):
                ServedModel(url).models()
            assert len(asked) == 4
