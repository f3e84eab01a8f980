"""Reading a tool's report strictly: a key that is missing, or a value of another kind, is an error with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from flows.check_model.errors import ReportError


class Part(BaseModel):
    """A part of a tool's report: what we take of it must be there, what else there is does not matter.

    Every field of a subclass is required, and numbers are never made of text: a figure that a new version of the tool
    writes elsewhere must stop the reader, for a default would be published as a measurement.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, populate_by_name=True)


PartT = TypeVar("PartT", bound=Part)


def read_json(content: bytes, *, tool: str, report: str) -> Mapping[str, Any]:
    """Read a report's JSON object.

    Args:
        content: the file's bytes.
        tool: its writer, as people say it.
        report: its name, for errors.

    Raises:
        ReportError: the bytes are no JSON object; a tool that was killed leaves half of one.
    """
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ReportError(tool=tool, report=report, place="content", reason=f"it is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ReportError(tool=tool, report=report, place="content", reason=f"it is a {type(value).__name__}")
    return value


def read_part(shape: type[PartT], value: object, *, tool: str, report: str, place: str) -> PartT:
    """Read one part of a report in the shape that its tool's version writes.

    Raises:
        ReportError: a key is missing or a value is of another kind; the first such place is named.
    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        problem = error.errors()[0]
        deeper = ".".join(map(str, problem["loc"]))
        raise ReportError(
            tool=tool, report=report, place=f"{place}.{deeper}" if place else deeper, reason=problem["msg"]
        ) from error
