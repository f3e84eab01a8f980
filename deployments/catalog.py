"""WHICH models: every YAML file in deployments/models is one, and no Python is edited to add another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from deployments.errors import InvalidCatalogError, Problem, UnknownModelError, did_you_mean
from deployments.explain import explain
from deployments.overlay import CHANGEABLE, merge, refused_keys
from deployments.settings import catalog_overlay
from deployments.spec import DERIVED, ModelSpec
from deployments.yaml_file import display_path, read_mapping

MODELS = Path(__file__).parent / "models"


def keys(folder: Path = MODELS) -> list[str]:
    """Return the models' keys in alphabetical order: the names of the folder's YAML files."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


# A flow parameter of this type carries the catalog as an `enum` in its JSON schema, so that Prefect's API refuses
# an unknown model before a run exists.
ModelKey = Annotated[
    str,
    Field(description="A model of the catalog (deployments/models).", json_schema_extra={"enum": [*keys()]}),
]


def load(key: str, *, overlay: Path | None = None, folder: Path = MODELS) -> ModelSpec:
    """Read a model's spec, with the overlay's values where there are any.

    Args:
        key: the model's key.
        overlay: a folder whose `{key}.yaml`, if it exists, is laid over the model's own file; None takes the folder
            of SLIPWAY_CATALOG_OVERLAY.
        folder: the folder of the catalog.

    Raises:
        UnknownModelError: the catalog has no such model.
        InvalidCatalogError: a file is wrong; all that is wrong with it is told at once.
        SettingsError: SLIPWAY_CATALOG_OVERLAY names no folder.
    """
    known = keys(folder)
    if key not in known:
        raise UnknownModelError(key=key, known=known, folder=display_path(folder))
    file = folder / f"{key}.yaml"
    base = _read_model(file)
    overlay_folder = _overlay_folder(overlay)
    overlay_file = overlay_folder / file.name if overlay_folder is not None else None
    if overlay_file is None or not overlay_file.exists():
        return _build(key, base, file=file, overlay_file=None, values={})
    return _build(key, base, file=file, overlay_file=overlay_file, values=_read_overlay(overlay_file))


def problems(*, overlay: Path | None = None, folder: Path = MODELS) -> Iterator[tuple[str, list[Problem]]]:
    """Validate the whole catalog, and yield each model's key with what is wrong with it.

    What is wrong between files (a stray file, a name that two models claim) comes last, under the key "".

    Args:
        overlay: as in `load`.
        folder: as in `load`.
    """
    specs = []
    for key in keys(folder):
        try:
            specs.append(load(key, overlay=overlay, folder=folder))
        except InvalidCatalogError as error:
            yield key, list(error.problems)
        else:
            yield key, []
    overlay_folder = _overlay_folder(overlay)
    between = [*_taken_names(specs, folder), *_stray_files(folder, keys(folder))]
    if overlay_folder is not None:
        between += _stray_files(overlay_folder, keys(folder))
    if between:
        yield "", between


def _overlay_folder(overlay: Path | None) -> Path | None:
    folder = overlay if overlay is not None else catalog_overlay()
    if folder is not None and not folder.is_dir():
        raise InvalidCatalogError([Problem(display_path(folder), "", "is no folder; name one with overlay files")])
    return folder


def _read_model(file: Path) -> dict[str, Any]:
    values = read_mapping(file)
    derived = [name for name in DERIVED if name in values]
    if derived:
        shown = display_path(file)
        raise InvalidCatalogError(
            [Problem(shown, name, "comes from the files' own names; remove it") for name in derived]
        )
    return values


def _read_overlay(file: Path) -> dict[str, Any]:
    values = read_mapping(file)
    refused = refused_keys(values)
    if refused:
        sentence = f"an overlay may not set this, only {', '.join(CHANGEABLE)}; remove it"
        raise InvalidCatalogError([Problem(display_path(file), key, sentence) for key in refused])
    return values


def _build(
    key: str, base: dict[str, Any], *, file: Path, overlay_file: Path | None, values: dict[str, Any]
) -> ModelSpec:
    overlaid_by = display_path(overlay_file) if overlay_file is not None else None
    try:
        return ModelSpec.model_validate({**merge(base, values), "key": key, "overlaid_by": overlaid_by})
    except ValidationError as error:
        found = explain(error, file=display_path(file), overlay_file=overlaid_by, overlay=values)
        raise InvalidCatalogError(found) from error


def _taken_names(specs: list[ModelSpec], folder: Path) -> Iterator[Problem]:
    # Two models under one prefix would overwrite each other, and under one service name serve each other's weights.
    for name, key in (("prefix", "version"), ("inference_service", "serving.inference_service")):
        owners: dict[str, str] = {}
        for spec in specs:
            taken = spec.prefix if name == "prefix" else spec.serving.inference_service
            if taken in owners:
                sentence = f"{taken!r} is the name of {owners[taken]} already; choose another"
                yield Problem(display_path(folder / f"{spec.key}.yaml"), key, sentence)
            owners.setdefault(taken, spec.key)


def _stray_files(folder: Path, known: list[str]) -> Iterator[Problem]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".yml":
            yield Problem(display_path(path), "", f"is not read; rename it to {path.stem}.yaml")
        elif path.suffix == ".yaml" and path.stem not in known:
            guess = did_you_mean(path.stem, known)
            yield Problem(display_path(path), "", f"lies over no model of the catalog; rename or remove it{guess}")
