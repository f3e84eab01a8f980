"""The vLLM command line as data: read `--name=value` arguments, and refuse the ones that are known to fail."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deployments.spec.section import problem

_ARGUMENT = re.compile(r"--(?P<name>[a-z][a-z0-9-]*)(?:=(?P<value>.+))?")

# The ServingRuntime sets these for all models. A second value would win silently: once the benchmark asked for
# a name that the engine did not serve, and was green with placeholder numbers.
_OWNED_BY_RUNTIME = ("host", "model", "port", "served-model-name")


def read_arguments(arguments: Sequence[str]) -> dict[str, str | None]:
    """Map each argument's name, without the dashes, to its value; None for a bare flag.

    Raises:
        PydanticCustomError: an argument is no `--name` or `--name=value`, comes twice, or is known to fail.
    """
    read: dict[str, str | None] = {}
    for argument in arguments:
        match = _ARGUMENT.fullmatch(argument)
        if match is None:
            raise problem(f"{argument!r} is not a vLLM argument; write --name=value or --name, one a list item")
        name, value = match["name"], match["value"]
        if name in read:
            raise problem(f"--{name} is given twice and vLLM would silently take the last; keep one")
        _refuse_known_failure(name, value)
        read[name] = value
    return read


def _refuse_known_failure(name: str, value: str | None) -> None:
    if name in _OWNED_BY_RUNTIME:
        raise problem(f"--{name} is set by the ServingRuntime for every model; remove it")
    if name == "quantization":
        # `--quantization=awq` on compressed-tensors weights crash-looped the predictor.
        raise problem("--quantization crash-loops the engine, which detects it from config.json; remove it")
    if name == "tokenizer-mode" and value == "mistral":
        raise problem("--tokenizer-mode=mistral crash-loops with the files that are imported; remove it")


def whole_number(read: dict[str, str | None], name: str, *, default: int | None = None) -> int:
    """Read a positive whole number out of `read_arguments`' result.

    Raises:
        PydanticCustomError: the argument is missing and has no default, or is no positive whole number.
    """
    if name not in read and default is not None:
        return default
    value = read.get(name)
    if value is None or re.fullmatch(r"[1-9][0-9]*", value) is None:
        raise problem(f"--{name} must be given as a positive whole number, not {value}; write --{name}=N")
    return int(value)
