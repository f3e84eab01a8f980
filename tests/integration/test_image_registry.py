"""Looking images up in a real registry over TLS, with both ways to log in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.errors import AccessDeniedError, RejectedError, UnavailableError
from blocks.image_registry import ImageRegistry
from tests.integration.docker_registry import PASSWORD, USER, Certificate, docker_registry, htpasswd, token_server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Give one certificate for all servers: making a key takes a second."""
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def registry(tmp_path: Path, certificate: Certificate) -> Iterator[str]:
    """Serve a registry that wants a user and a password."""
    with docker_registry(tmp_path, certificate, auth=htpasswd(tmp_path)) as host:
        yield host


@pytest.fixture
def _logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAY_USERNAME", USER)
    monkeypatch.setenv("QUAY_PASSWORD", PASSWORD)


def _block(host: str, certificate: Certificate) -> ImageRegistry:
    return ImageRegistry(repository=f"docker://{host}/org/slipway-vllm", ca_bundle=str(certificate.file))


def _push(host: str, tag: str, *, certificate: Certificate, folder: Path) -> str:
    """Push an empty image with Buildah; returns the digest that Buildah reports."""
    (folder / "Containerfile").write_text("FROM scratch\nLABEL made-by=test\n")
    store = ["buildah", "--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs"]
    build = ["build", "--isolation", "chroot", "--tag", "image", "--file", folder / "Containerfile", folder / "certs"]
    destination = f"docker://{host}/org/slipway-vllm:{tag}"
    push = ["push", "--digestfile", folder / "digest", "--creds", f"{USER}:{PASSWORD}", "image", destination]
    (folder / "certs").mkdir()
    (folder / "certs" / "ca.crt").write_bytes(certificate.file.read_bytes())
    subprocess.run([*store, *build], check=True, capture_output=True)
    subprocess.run([*store, *push[:1], "--cert-dir", folder / "certs", *push[1:]], check=True, capture_output=True)
    return (folder / "digest").read_text()


@pytest.mark.usefixtures("_logged_in")
def test_the_digest_is_the_one_that_the_push_reported(registry: str, certificate: Certificate, tmp_path: Path) -> None:
    """An unchanged image must be found under the very digest that was pushed, or it is built again every time."""
    pushed = _push(registry, "abc", certificate=certificate, folder=tmp_path)
    assert _block(registry, certificate).client().digest_of("abc") == pushed


@pytest.mark.usefixtures("_logged_in")
def test_a_tag_that_nobody_pushed_has_no_digest(registry: str, certificate: Certificate) -> None:
    """A first import must see an empty repository as 'build it', not as an error."""
    assert _block(registry, certificate).client().digest_of("abc") is None


@pytest.mark.usefixtures("_logged_in")
def test_a_registry_with_a_token_server_is_read_as_quay_is(tmp_path: Path, certificate: Certificate) -> None:
    """Quay answers 401 with a Bearer challenge; a client that knows only passwords can never look there."""
    with token_server(certificate) as auth, docker_registry(tmp_path, certificate, auth=auth) as host:
        pushed = _push(host, "abc", certificate=certificate, folder=tmp_path)
        assert _block(host, certificate).client().digest_of("abc") == pushed


def test_missing_credentials_are_named(
    registry: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user without a log-in must read which variables to set."""
    monkeypatch.delenv("QUAY_USERNAME", raising=False)
    monkeypatch.delenv("QUAY_PASSWORD", raising=False)
    with pytest.raises(AccessDeniedError, match=r"none are set .*QUAY_USERNAME and QUAY_PASSWORD"):
        _block(registry, certificate).client().digest_of("abc")


def test_a_wrong_password_is_refused_without_being_shown(
    registry: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors end up in logs: they must not carry the password."""
    monkeypatch.setenv("QUAY_USERNAME", USER)
    monkeypatch.setenv("QUAY_PASSWORD", "not-the-password")
    with pytest.raises(AccessDeniedError, match="refuses these credentials") as caught:
        _block(registry, certificate).client().digest_of("abc")
    assert "not-the-password" not in str(caught.value)


@pytest.mark.usefixtures("_logged_in")
def test_tls_is_verified_and_never_switched_off(registry: str) -> None:
    """The earlier version switched verification off for the whole process while it held a token.

    It is docs/failures.md, row 10.
    """
    block = ImageRegistry(repository=f"docker://{registry}/org/slipway-vllm")
    with pytest.raises(RejectedError, match="SLIPWAY_CA_BUNDLE"):
        block.client().digest_of("abc")


def test_a_registry_that_is_down_is_transient(certificate: Certificate) -> None:
    """A registry's restart must be retried, not fail the import."""
    with pytest.raises(UnavailableError, match="cannot be reached"):
        _block("127.0.0.1:1", certificate).client().digest_of("abc")


def test_a_broken_ca_bundle_is_named(tmp_path: Path) -> None:
    """A wrong file must be named with its path, not end in the TLS library's words."""
    (tmp_path / "ca.pem").write_text(json.dumps({}))
    block = ImageRegistry(repository="docker://quay.io/org/name", ca_bundle=str(tmp_path / "ca.pem"))
    with pytest.raises(RejectedError, match=r"ca\.pem cannot be used"):
        block.client()
