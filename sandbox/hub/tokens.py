"""Who may read what: the access tokens a sandbox Hub accepts."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.hub.errors import invalid_token

TOKENS_VARIABLE = "SANDBOX_HUB_TOKENS"


@dataclass(frozen=True)
class Token:
    """An access token.

    Attributes:
        value: the secret itself; never shown.
        user: the name that whoami answers.
        grants: the gated repositories that let this user in; None means all.
    """

    value: str
    user: str = "sandbox"
    grants: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"Token(user={self.user!r})"

    def may_read(self, repo: str) -> bool:
        """Whether the owner of the gated repository `repo` let this user in."""
        return self.grants is None or repo in self.grants


def parse_tokens(text: str) -> tuple[Token, ...]:
    """Read tokens from text.

    Args:
        text: entries `TOKEN[:USER[:REPO|REPO…]]` between whitespace or commas; `-` as repositories means none;
            `#` begins a comment.
    """
    entries = re.split(r"[\s,]+", re.sub(r"#.*", "", text))
    return tuple(_parse_entry(entry) for entry in entries if entry)


def read_tokens(file: Path | None) -> tuple[Token, ...]:
    """The tokens of a file and of the environment variable SANDBOX_HUB_TOKENS together."""
    text = file.read_text(encoding="utf-8") if file else ""
    return parse_tokens(f"{text}\n{os.environ.get(TOKENS_VARIABLE, '')}")


def bearer(header: str | None, *, tokens: Iterable[Token]) -> Token | None:
    """Whose token an Authorization header carries.

    Returns:
        None for a request without the header.

    Raises:
        HubError: 401, the header carries no token that is known.
    """
    if header is None:
        return None
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        for token in tokens:
            if hmac.compare_digest(token.value.encode(), value.strip().encode()):
                return token
    raise invalid_token()


def _parse_entry(entry: str) -> Token:
    value, _, rest = entry.partition(":")
    user, _, repos = rest.partition(":")
    grants = frozenset(repo for repo in repos.split("|") if repo != "-") if repos else None
    return Token(value=value, user=user or "sandbox", grants=grants)
