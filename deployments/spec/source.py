"""Where a model's bytes come from: a Hub repository, a revision, and the files of it that are wanted."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from deployments.spec.section import Flag, Section, problem


def _check_repo(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*", value) is None or ".." in value:
        raise problem(f"{value!r} is not a Hub repository; write owner/name")
    return value


def _check_revision(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][-._/A-Za-z0-9]*", value) is None or ".." in value or value.endswith("/"):
        raise problem(f"{value!r} is not a branch, a tag or a commit; write for example main or 40 hex digits")
    return value


def _check_pattern(value: str) -> str:
    if not value or value.startswith("/") or ".." in value.split("/") or "\\" in value:
        raise problem(f"{value!r} is not a file pattern inside the repository; write for example *.safetensors")
    return value


Repo = Annotated[str, AfterValidator(_check_repo)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]


class Source(Section):
    """A Hub repository at a revision, and which of its files are imported.

    Attributes:
        repo: "owner/name" on the Hub.
        revision: a branch, a tag or a commit; a branch is resolved to its commit before a byte moves.
        gated: the Hub gives the files only to a token whose owner was admitted.
        include: patterns of wanted files; a file that none matches is left out.
        exclude: patterns that win over `include`.
        remote_code_allowed: the model may bring Python code that the engine would run.
        pickles_allowed: the model may bring weights that run code when they are loaded.
    """

    repo: Repo
    revision: Annotated[str, AfterValidator(_check_revision)]
    gated: Flag = False
    include: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    exclude: tuple[Pattern, ...] = ()
    remote_code_allowed: Flag = False
    pickles_allowed: Flag = False

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit, which no push can move."""
        return re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None

    def selects(self, path: str) -> bool:
        """Say whether a repository file is imported.

        Patterns are shell globs over the whole path, where `*` also matches `/`, and case counts: the rule of
        huggingface_hub's `allow_patterns` and `ignore_patterns`, so that both choose the same files.
        """
        wanted = any(fnmatchcase(path, pattern) for pattern in self.include)
        return wanted and not any(fnmatchcase(path, pattern) for pattern in self.exclude)
