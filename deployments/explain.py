"""Turn pydantic's validation errors into problems that name the file, the key and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deployments.errors import Problem, did_you_mean
from deployments.spec import DERIVED, ModelSpec
from deployments.spec.section import Section


def explain(
    error: ValidationError, *, file: str, overlay_file: str | None, overlay: Mapping[str, Any]
) -> list[Problem]:
    """Name everything that pydantic refused in a merged model.

    Args:
        error: what `ModelSpec` raised.
        file: the catalog's file, blamed unless the overlay set the key.
        overlay_file: the overlay's file; None without one.
        overlay: what the overlay set.
    """
    problems = []
    for detail in error.errors(include_url=False):
        path = _yaml_path(detail["loc"])
        if detail["type"].startswith("union_tag"):
            path.append(detail["ctx"]["discriminator"].strip("'"))
        # A rule between two keys is found at their section; the rule itself says which one to blame.
        blamed_key = detail.get("ctx", {}).get("key", "")
        path += blamed_key.split(".") if blamed_key else []
        blamed_file = file
        if overlay_file is not None:
            # A rule may hold for the model and break by what the overlay set elsewhere: then both are named.
            blamed_file = overlay_file if _sets(overlay, path) else f"{file} under {overlay_file}"
        problems.append(Problem(blamed_file, ".".join(map(str, path)), _sentence(detail, path)))
    return problems


def _yaml_path(location: Sequence[int | str]) -> list[int | str]:
    """Drop what pydantic adds to a location and the file does not have: a union's tag, a mapping's "[key]"."""
    path: list[int | str] = []
    sections: tuple[type[Section], ...] = (ModelSpec,)
    for part in location:
        is_tag = len(sections) > 1 and not any(part in section.model_fields for section in sections)
        if is_tag:
            sections = tuple(s for s in sections if part in get_args(s.model_fields["serve_from"].annotation))
            continue
        if part == "[key]":
            continue
        path.append(part)
        sections = tuple(_sections_below(sections, part)) if isinstance(part, str) else sections
    return path


def _sections_at(path: Iterable[int | str]) -> tuple[type[Section], ...]:
    sections: tuple[type[Section], ...] = (ModelSpec,)
    for part in path:
        sections = tuple(_sections_below(sections, part)) if isinstance(part, str) else sections
    return sections


def _sections_below(sections: Iterable[type[Section]], name: str) -> Iterator[type[Section]]:
    for section in sections:
        if name in section.model_fields:
            yield from _sections_in(section.model_fields[name].annotation)


def _sections_in(annotation: object) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)


def _sentence(detail: ErrorDetails, path: Sequence[int | str]) -> str:
    known = [name for section in _sections_at(path[:-1]) for name in section.model_fields if name not in DERIVED]
    match detail["type"]:
        case "extra_forbidden":
            guess = did_you_mean(str(path[-1]), known)
            return "is no key that a spec has" + (guess or f"; the keys here are {', '.join(known)}")
        case "union_tag_invalid":
            return f"is {detail['ctx']['tag']!r}, but must be one of {detail['ctx']['expected_tags']}"
        case "missing" | "union_tag_not_found":
            return "is missing; add it"
        case "spec_problem":
            return detail["msg"]
        case _:
            sentence = detail["msg"][:1].lower() + detail["msg"][1:]
            return f"is {_shown(detail['input'])}, but {sentence}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - a value, not a page, in an error line


def _sets(overlay: Mapping[str, Any], path: Iterable[int | str]) -> bool:
    """Say whether the overlay holds the path, or a list above it."""
    below: object = overlay
    for part in path:
        if not isinstance(below, Mapping):
            return True
        if part not in below:
            return False
        below = below[part]
    return True
