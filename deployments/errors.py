"""What can be wrong with the catalog or the settings: all of it permanent until somebody edits a file or a variable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        file: the YAML file to edit, as a user would type it.
        key: the dotted key in it; empty where the whole file is meant.
        sentence: what is wrong and what to write instead, with no full stop.
    """

    file: str
    key: str
    sentence: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.sentence) if part)


class CatalogError(Exception):
    """The catalog cannot give what was asked of it.

    Attributes:
        transient: always False; the files do not mend themselves.
    """

    transient: bool = False


class InvalidCatalogError(CatalogError):
    """A YAML file is wrong; all that is wrong with it is told at once.

    Attributes:
        problems: everything that was found, at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        again = "then run `python -m deployments check`"
        if len(problems) == 1:
            super().__init__(f"{problems[0]}. Mend it, {again}")
        else:
            lines = [f"- {problem}" for problem in problems]
            super().__init__("\n".join(["the catalog has several problems:", *lines, f"Mend them, {again}"]))
        self.problems = tuple(problems)


class UnknownModelError(CatalogError):
    """No YAML file of the catalog has this name."""

    def __init__(self, *, key: str, known: Sequence[str], folder: str) -> None:
        known_text = f"the catalog knows {', '.join(known)}" if known else f"{folder} holds no model"
        super().__init__(
            f"there is no model {key!r}{did_you_mean(key, known)}; {known_text}. "
            f"See them with `python -m deployments list`, or add {folder}/{key}.yaml"
        )


class SettingsError(Exception):
    """A variable of the environment is missing or wrong.

    Attributes:
        transient: always False; the environment does not mend itself.
        variables: the names of the variables to set.
    """

    transient: bool = False

    def __init__(self, problems: dict[str, str]) -> None:
        body = "; ".join(f"{variable} {sentence}" for variable, sentence in problems.items())
        what = "it" if len(problems) == 1 else "them"
        super().__init__(f"{body}. Set {what} as .env.template shows, then run the command again")
        self.variables = tuple(problems)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean …?)" if a known name is close, else an empty text."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
