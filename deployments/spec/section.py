"""The base of every section of a spec, and the types that several sections share."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A frozen part of a spec that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def problem(sentence: str, *, key: str = "") -> PydanticCustomError:
    """Build the error of a value that the types alone cannot refuse.

    Args:
        sentence: what is wrong and what to write instead, with no full stop.
        key: the dotted key to blame, relative to the section that raises; empty where pydantic knows it.
    """
    # pydantic fills {placeholders} in the template, and a sentence may hold braces of its own.
    return PydanticCustomError("spec_problem", "{sentence}", {"sentence": sentence, "key": key})


# A DNS label and the value of a Kubernetes label have the same limit.
LABEL_LENGTH = 63

_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>m|k|Ki|M|Mi|G|Gi|T|Ti)?")
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "Ki": Decimal(2**10),
    "M": Decimal(10**6),
    "Mi": Decimal(2**20),
    "G": Decimal(10**9),
    "Gi": Decimal(2**30),
    "T": Decimal(10**12),
    "Ti": Decimal(2**40),
}


def quantity_value(quantity: str) -> Decimal:
    """Read a Kubernetes quantity: cores for CPU, bytes for memory and storage.

    Raises:
        ValueError: the text is not a quantity such as "500m", "6" or "16Gi".
    """
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(quantity)
    return Decimal(match["number"]) * _UNITS[match["unit"] or ""]


def _number_as_text(value: object) -> object:
    # YAML reads `cpu: 6` as a number; Kubernetes takes both.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _check_quantity(value: str) -> str:
    if _QUANTITY.fullmatch(value) is None:
        raise problem(f"{value!r} is not a Kubernetes quantity; write for example 500m, 6 or 16Gi")
    return value


def _check_dns_label(value: str) -> str:
    # KServe appends "-predictor", and the result names a Service.
    longest = LABEL_LENGTH - len("-predictor")
    if len(value) > longest or re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", value) is None:
        raise problem(
            f"{value!r} is not a DNS label of at most {longest} characters; use lower-case letters, digits and '-', "
            "beginning with a letter"
        )
    return value


def _check_path_part(value: str) -> str:
    # The name becomes one level of an S3 prefix and the value of a Kubernetes label: both rules at once.
    allowed = re.fullmatch(r"[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?", value)
    if len(value) > LABEL_LENGTH or ".." in value or allowed is None:
        raise problem(
            f"{value!r} cannot be one level of an S3 prefix; use at most {LABEL_LENGTH} letters, digits, '-', '_' and "
            "single '.', with no '/'"
        )
    return value


Quantity = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_check_quantity)]
DnsLabel = Annotated[str, AfterValidator(_check_dns_label)]
PathPart = Annotated[str, AfterValidator(_check_path_part)]
Text = Annotated[str, Field(min_length=1)]
# Strict, because YAML's `yes` and pydantic's leniency would otherwise turn a bool into a 1.
Count = Annotated[int, Field(strict=True, gt=0)]
Flag = Annotated[bool, Field(strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
