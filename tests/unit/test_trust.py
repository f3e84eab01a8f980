"""Whom we trust: the public authorities, and a site's own besides them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from blocks.trust import CaBundleError, combined_authorities, own_authorities, public_roots, trusted
from tests.integration.self_signed import self_signed


def subjects(file: Path | str) -> set[bytes]:
    """Return the certificates that a file makes a client trust."""
    context = ssl.create_default_context(cafile=str(file))
    return set(context.get_ca_certs(binary_form=True))


def test_a_private_authority_is_trusted_besides_the_public_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With only the private one the public Hub is not trusted, and its error would say to set what is set."""
    own = self_signed(tmp_path)
    monkeypatch.setenv("SLIPWAY_CA_BUNDLE", str(own))
    whole = trusted()
    assert whole is not None
    assert subjects(whole) == subjects(public_roots()) | subjects(own)
    assert len(subjects(whole)) > 1


def test_without_a_bundle_the_libraries_keep_their_own_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's own roots are the right ones where nobody asked for others."""
    monkeypatch.delenv("SLIPWAY_CA_BUNDLE", raising=False)
    assert trusted() is None


def test_the_same_authorities_are_one_file(tmp_path: Path) -> None:
    """Clients are shared by their settings; another path for each would make new connections for each file."""
    own = self_signed(tmp_path)
    first = trusted(str(own))
    own.touch()
    assert trusted(str(own)) == first


def test_a_key_beside_the_certificate_goes_nowhere(tmp_path: Path) -> None:
    """What is trusted becomes a ConfigMap, which everybody in the namespace may read."""
    own = self_signed(tmp_path)
    assert b"PRIVATE KEY" in own.read_bytes()
    assert b"PRIVATE KEY" not in combined_authorities(own)


@pytest.mark.parametrize(
    "content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_file_without_a_certificate_is_named(tmp_path: Path, content: str) -> None:
    """The TLS libraries say only 'no start line', long after, about no file."""
    (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(CaBundleError, match=r"ca\.pem cannot be used .* Set SLIPWAY_CA_BUNDLE"):
        own_authorities(tmp_path / "ca.pem")


def test_a_file_that_is_not_there_is_named() -> None:
    """A pod without the ConfigMap must say so."""
    with pytest.raises(CaBundleError, match="kubectl get configmap slipway-ca"):
        trusted("/no/such/ca.pem")
