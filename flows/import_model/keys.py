"""Turns a path that a repository names into an object key that cannot leave its version's prefix: pure."""

from __future__ import annotations

from blocks.errors import RejectedError

LONGEST_KEY_BYTES = 1024
"""S3's own limit."""


class UnsafePathError(RejectedError):
    """A repository names a file so that it could be written outside of the version's prefix, or not at all."""

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(
            "model hub",
            f"the repository names a file {path!r}, which {reason}. Nothing was written. "
            "Exclude it: `source.exclude` in deployments/models/",
        )


def safe_key(prefix: str, path: str) -> str:
    """Join a version's prefix and a file's path.

    The repository's owner chooses the path, and file systems that the objects are copied to later read `..`,
    backslashes and leading slashes in their own way: what is not a plain relative path is refused, never mended.

    Args:
        prefix: the version's prefix, with a trailing slash.
        path: the file's path in the repository.

    Raises:
        UnsafePathError: the path is not plain.
    """
    reason = _danger(path) or _too_long(prefix + path)
    if reason:
        raise UnsafePathError(path=path, reason=reason)
    return prefix + path


def _danger(path: str) -> str | None:
    parts = path.split("/")
    if "" in parts:
        return "is empty, absolute, or has an empty part"
    if "." in parts or ".." in parts:
        return "has a part that means another folder"
    if "\\" in path:
        return "has a backslash"
    if not path.isprintable():
        return "has a control character"
    return None


def _too_long(key: str) -> str | None:
    try:
        return "is too long for a key" if len(key.encode()) > LONGEST_KEY_BYTES else None
    except UnicodeEncodeError:
        return "is not valid Unicode"
