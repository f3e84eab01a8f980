"""Read a YAML file of the catalog: one mapping, whose keys are texts and come once."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from deployments.errors import InvalidCatalogError, Problem


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses what it would silently overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                problem = "is not a text; put the key in quotes"
            elif key_node.value in seen:
                problem = "comes twice, and the first value would be lost; keep one"
            else:
                seen.add(key_node.value)
                continue
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {getattr(key_node, 'value', '?')!r} {problem}", key_node.start_mark
            )
        return super().construct_mapping(node, deep)


def display_path(path: Path) -> str:
    """Return the path as a user of the current folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read the file's one mapping.

    Raises:
        InvalidCatalogError: the file cannot be read, is no YAML, holds no mapping, or repeats a key.
    """
    shown = display_path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidCatalogError([Problem(f"{shown}:{line}", "", f"is no valid YAML: {error.problem}")]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidCatalogError([Problem(shown, "", f"is no valid YAML: {error}")]) from error
    except OSError as error:
        raise InvalidCatalogError([Problem(shown, "", f"cannot be read: {error.strerror}")]) from error
    if not isinstance(content, dict):
        raise InvalidCatalogError([Problem(shown, "", "holds no mapping; begin with registered_model: …")])
    return content
