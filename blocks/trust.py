"""Which certificate authorities to trust: a block's own file, else the one that this environment names."""

from __future__ import annotations

import os
from pathlib import Path

from blocks.errors import RejectedError

VARIABLE = "SLIPWAY_CA_BUNDLE"


class CaBundleMissingError(RejectedError):
    """The file of certificate authorities cannot be read where this runs."""

    def __init__(self, *, file: str, reason: str) -> None:
        super().__init__(
            "certificates",
            f"the CA bundle {file} cannot be read ({reason}). Set {VARIABLE} to a PEM file that is there; "
            "pods have the ConfigMap slipway-ca at /slipway/ca: kubectl get configmap slipway-ca",
        )


def trusted(own: str | None) -> str | None:
    """Return the PEM file to verify certificates with; None for the system's authorities.

    A block is registered on one machine and used in pods on others, so its file is usually not set: each place says by
    SLIPWAY_CA_BUNDLE where the file is there.

    Raises:
        CaBundleMissingError: the file cannot be read here.
    """
    file = own or os.environ.get(VARIABLE) or None
    if file is None:
        return None
    try:
        Path(file).open("rb").close()
    except OSError as error:
        raise CaBundleMissingError(file=file, reason=error.strerror or str(error)) from error
    return file
