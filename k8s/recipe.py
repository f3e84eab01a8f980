"""Reads the runtime image's recipe, the files of images/runtime."""

from __future__ import annotations

from pathlib import Path

from k8s.errors import RecipeMissingError
from k8s.manifests.runtime_image import RuntimeInputs

RUNTIME_FOLDER = Path(__file__).resolve().parent.parent / "images" / "runtime"


def runtime_inputs(folder: Path = RUNTIME_FOLDER, *, base_image: str, ca_bundle: Path | None) -> RuntimeInputs:
    """Read what goes into the runtime image.

    Args:
        folder: holds `Containerfile` and `build.sh`.
        base_image: the base's reference.
        ca_bundle: a PEM file of certificates to trust besides the base's, or None.

    Raises:
        RecipeMissingError: a file cannot be read.
    """
    return RuntimeInputs(
        containerfile=_text(folder / "Containerfile"),
        build_script=_text(folder / "build.sh"),
        base_image=base_image,
        ca_bundle="" if ca_bundle is None else _text(ca_bundle),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeMissingError(file=str(file), reason=str(error)) from error
