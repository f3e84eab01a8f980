"""Turns every failure of the Hub, of its storage host and of the way there into our errors, with the next command."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.errors import AccessDeniedError, BlockError, IntegrityError, NotFoundError, RejectedError, UnavailableError
from blocks.hub_files import SYSTEM
from blocks.trust import TRUST_IT

TOO_MANY_REQUESTS = 429
WORTH_ANOTHER_TRY = frozenset({408, 425, TOO_MANY_REQUESTS, 500, 502, 503, 504})


class TokenRefusedError(AccessDeniedError):
    """The Hub does not know the token, or knows that it was revoked."""

    def __init__(self, *, endpoint: str, variable: str) -> None:
        super().__init__(
            SYSTEM,
            f"the token in ${variable} is not accepted by {endpoint}. "
            f"Make a new one at {endpoint}/settings/tokens, then `export {variable}=…`",
        )


class GatedError(AccessDeniedError):
    """The repository's licence has not been accepted by the account that asks."""

    def __init__(self, *, endpoint: str, repo: str, variable: str, authenticated: bool) -> None:
        who = f"the account of the token in ${variable} has no access yet" if authenticated else "no token was sent"
        then = "" if authenticated else f", then `export {variable}=…` with a token of that account"
        super().__init__(SYSTEM, f"{repo} is gated and {who}. Accept its licence at {endpoint}/{repo}{then}")


class RepositoryNotFoundError(NotFoundError):
    """No such repository, or none that this token may see: the Hub does not tell which."""

    def __init__(self, *, endpoint: str, repo: str, variable: str, authenticated: bool) -> None:
        hint = f"the token in ${variable} may not see it" if authenticated else f"${variable} is not set"
        super().__init__(
            SYSTEM,
            f"repository {repo} does not exist at {endpoint}, or is private and {hint}. "
            f"Correct `source.repo` in deployments/models/, or `export {variable}=…`",
        )


class RevisionNotFoundError(NotFoundError):
    """The repository has no such branch, tag or commit."""

    def __init__(self, *, endpoint: str, repo: str, revision: str) -> None:
        super().__init__(
            SYSTEM,
            f"{repo} has no revision {revision!r}. See {endpoint}/{repo}/commits/main, "
            f"then correct `source.revision` in deployments/models/",
        )


class FileNotFoundAtHubError(NotFoundError):
    """The revision has no such file."""

    def __init__(self, *, repo: str, path: str) -> None:
        super().__init__(SYSTEM, f"{repo} has no file {path}. Correct `source` in deployments/models/")


class HubUnreachableError(UnavailableError):
    """No connection, or one that broke."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(SYSTEM, f"{host} cannot be reached ({reason}). Try `curl -sSI {host}`, then run again")


class HubBusyError(UnavailableError):
    """The Hub answered that it cannot now."""

    def __init__(self, *, host: str, status: int) -> None:
        why = "limits our rate" if status == TOO_MANY_REQUESTS else "is failing"
        super().__init__(SYSTEM, f"{host} {why} (HTTP {status}). Run again in a few minutes")


class UntrustedCertificateError(RejectedError):
    """TLS works, but the certificate's issuer is not trusted here; verification is never switched off."""

    def __init__(self, *, host: str) -> None:
        super().__init__(
            SYSTEM,
            f"the TLS certificate of {host} is not signed by a trusted authority. {TRUST_IT}",
        )


class UnexpectedAnswerError(RejectedError):
    """Something answers at the address, but not as a Hub does."""

    def __init__(self, *, host: str, answer: str) -> None:
        super().__init__(
            SYSTEM, f"{host} gave an answer that no Hub gives: {answer}. Check HF_ENDPOINT, then run again"
        )


class FileChangedError(IntegrityError):
    """The Hub's storage holds another file than the revision declares."""

    def __init__(self, *, path: str, what: str, expected: object, got: object) -> None:
        super().__init__(
            SYSTEM,
            f"{path} has {what} {got} where it is stored, but the revision declares {expected}. "
            "Run the import again; if it fails again, set another `source.revision` in deployments/models/",
        )


class SignedUrlRefusedError(AccessDeniedError):
    """Fresh signed URLs are refused: a proxy in between, or a clock that is wrong."""

    def __init__(self, *, host: str, status: int) -> None:
        super().__init__(
            SYSTEM,
            f"the storage host {host} refuses fresh signed URLs (HTTP {status}). Check this machine's clock with "
            "`date -u` and that no proxy changes requests, then run again",
        )


class ReadGivenUpError(UnavailableError):
    """A read got no byte in all its attempts."""

    # They were made where a read can go on at its offset. A task that is tried again would begin its file anew, and
    # multiply the attempts: six here once became 24 requests of every range.
    transient = False

    def __init__(self, *, path: str, attempts: int, last: BlockError) -> None:
        super().__init__(SYSTEM, f"{path} gave no byte in {attempts} attempts: {last.sentence}")


class ReadCancelledError(UnavailableError):
    """The read was given up because its transfer ended."""

    def __init__(self, *, path: str) -> None:
        super().__init__(SYSTEM, f"reading {path} was cancelled. Run the import again")


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of the Hub, as far as its errors need it. Never holds the token itself."""

    endpoint: str
    repo: str
    revision: str
    variable: str
    authenticated: bool
    path: str | None = None

    def refused(self, *, status: int, code: str, message: str) -> BlockError:
        """Name the error behind an HTTP status.

        Args:
            status: the HTTP status, 400 or more.
            code: the header X-Error-Code, or "".
            message: the header X-Error-Message, or "".
        """
        if status in WORTH_ANOTHER_TRY or status >= 500:  # noqa: PLR2004 - the HTTP class of server errors
            return HubBusyError(host=self.endpoint, status=status)
        if code == "RevisionNotFound":
            return RevisionNotFoundError(endpoint=self.endpoint, repo=self.repo, revision=self.revision)
        if code == "EntryNotFound":
            return FileNotFoundAtHubError(repo=self.repo, path=self.path or "?")
        if status in {401, 403, 404}:
            return self._no_access(status=status, code=code, message=message)
        return UnexpectedAnswerError(host=self.endpoint, answer=f"HTTP {status} {message}".rstrip())

    def _no_access(self, *, status: int, code: str, message: str) -> BlockError:
        if code == "GatedRepo":
            return GatedError(
                endpoint=self.endpoint, repo=self.repo, variable=self.variable, authenticated=self.authenticated
            )
        # A revoked token answers 401 whatever the repository; a missing repository does so only without a token.
        if status == 401 and self.authenticated and code != "RepoNotFound":  # noqa: PLR2004 - HTTP Unauthorized
            return TokenRefusedError(endpoint=self.endpoint, variable=self.variable)
        if status == 403:  # noqa: PLR2004 - HTTP Forbidden
            return AccessDeniedError(
                SYSTEM,
                f"{self.repo} is refused to the token in ${self.variable}: {message or 'no reason given'}. "
                f"Give the token read access at {self.endpoint}/settings/tokens",
            )
        return RepositoryNotFoundError(
            endpoint=self.endpoint, repo=self.repo, variable=self.variable, authenticated=self.authenticated
        )
