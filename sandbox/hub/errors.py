"""What the Hub answers when it says no: status, X-Error-Code and sentence, as its clients read them."""

from __future__ import annotations


class HubError(Exception):
    """An answer other than the one that was asked for.

    Attributes:
        status: HTTP status.
        code: X-Error-Code, by which huggingface_hub chooses its exception; None where the Hub sends none.
        message: X-Error-Message.
        body: the sentence in the body; the message, unless the Hub says something else there.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.body = body or message
        self.headers = headers or {}


class PublishError(Exception):
    """A folder cannot become a commit."""


def repo_not_found(*, authenticated: bool) -> HubError:
    """A missing repository: the Hub tells strangers only that they are strangers (401)."""
    if authenticated:
        return HubError(404, "Repository not found", code="RepoNotFound")
    return HubError(
        401,
        "Repository not found",
        code="RepoNotFound",
        body="Invalid username or password.",
        headers={"WWW-Authenticate": 'Bearer realm="Authentication required", charset="UTF-8"'},
    )


def revision_not_found(revision: str) -> HubError:
    """A branch, tag or commit that the repository does not have."""
    return HubError(404, f"Invalid rev id: {revision}", code="RevisionNotFound")


def entry_not_found(message: str = "Entry not found", *, commit: str) -> HubError:
    """A file or folder that the commit does not have; clients remember that by the commit's id."""
    return HubError(404, message, code="EntryNotFound", headers={"X-Repo-Commit": commit})


def gated(repo: str, *, kind: str, authenticated: bool) -> HubError:
    """A gated repository: 401 to strangers, 403 to users whom its owner did not let in."""
    if authenticated:
        message = (
            f"Access to {kind} {repo} is restricted and you are not in the authorized list. "
            f"Visit the page of {repo} to ask for access."
        )
        return HubError(403, message, code="GatedRepo")
    message = (
        f"Access to {kind} {repo} is restricted. You must have access to it and be authenticated to access it. "
        "Please log in."
    )
    return HubError(401, message, code="GatedRepo")


def invalid_token() -> HubError:
    """A token that the Hub does not know. huggingface_hub tells it from a missing repository by this very sentence."""
    return HubError(401, "Invalid credentials in Authorization header")
