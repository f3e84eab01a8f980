"""Which certificate authorities to trust: the public ones, and those of a file of one's own besides them.

Every library here replaces its public roots by the file that it is given. So a private authority, named for an object
store, once made the public Hub untrusted. The libraries therefore get a file that holds both.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
import threading
from functools import lru_cache
from pathlib import Path

import certifi

from blocks.errors import RejectedError

VARIABLE = "SLIPWAY_CA_BUNDLE"
TRUST_IT = (
    f"Set {VARIABLE} to a PEM file of its authority; for pods set it in .env, then: python -m flows.apply_platform"
)
"""What to do about a certificate that is not trusted, for the ends of errors."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_lock = threading.Lock()


class CaBundleError(RejectedError):
    """The file of certificate authorities cannot be used where this runs."""

    def __init__(self, *, file: str, reason: str) -> None:
        super().__init__(
            "certificates",
            f"the CA bundle {file} cannot be used ({reason}). Set {VARIABLE} to a PEM file that is there; "
            "pods have the ConfigMap slipway-ca at /slipway/ca: kubectl get configmap slipway-ca",
        )


def trusted(own: str | None = None) -> str | None:
    """Return the PEM file to verify certificates with; None for the libraries' own public roots.

    A block is registered on one machine and used in pods on others, so its file is usually not set: each place says by
    SLIPWAY_CA_BUNDLE where the file is there. The file that is returned lives as long as the process.

    Args:
        own: a PEM file of authorities to trust besides the public ones; None for the one of SLIPWAY_CA_BUNDLE.

    Raises:
        CaBundleError: the file cannot be read here, or holds no certificate.
    """
    file = own or os.environ.get(VARIABLE) or None
    if file is None:
        return None
    roots = public_roots()
    with _lock:
        try:
            # A mounted file changes under a server that runs for months.
            return str(_written(file, Path(file).stat().st_mtime_ns, roots))
        except OSError as error:
            raise CaBundleError(file=file, reason=error.strerror or str(error)) from error


def public_roots() -> Path:
    """Return the file of the public authorities: OpenSSL's, which SSL_CERT_FILE names, else that of certifi."""
    return Path(ssl.get_default_verify_paths().cafile or certifi.where())


def own_authorities(file: Path) -> bytes:
    """Return the certificates of a PEM file, and nothing else that it holds, such as a key.

    Raises:
        CaBundleError: it cannot be read, holds no certificate, or a broken one.
    """
    try:
        found = b"\n".join(_CERTIFICATE.findall(file.read_bytes())) + b"\n"
        ssl.create_default_context(cadata=found.decode(errors="replace"))
    except OSError as error:  # ssl.SSLError is one
        raise CaBundleError(file=str(file), reason=error.strerror or str(error)) from error
    except ValueError as error:
        raise CaBundleError(file=str(file), reason=str(error)) from error
    return found


def combined_authorities(file: Path) -> bytes:
    """Return the public roots, and after them the certificates of a file of one's own; errors as `own_authorities`."""
    return public_roots().read_bytes().rstrip() + b"\n" + own_authorities(file)


@lru_cache(maxsize=16)
def _written(own: str, _changed: int, _roots: Path) -> Path:
    combined = combined_authorities(Path(own))
    # Named after what it holds: clients are shared by their settings, of which this path is one.
    file = Path(_folder().name) / f"{hashlib.sha256(combined).hexdigest()[:16]}.pem"
    file.write_bytes(combined)
    return file


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="slipway-ca-")
