"""The sentences for everything that can go wrong with a model registry, each with the next command."""

from __future__ import annotations

from blocks.errors import AccessDeniedError, NotFoundError, RejectedError, UnavailableError
from blocks.registry_entries import SYSTEM
from blocks.trust import TRUST_IT


class RegistryUnreachableError(UnavailableError):
    """No connection, one that broke, or no answer in time."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(SYSTEM, f"no answer from {url} ({reason}). Try `curl -sS {url}`, then run again")


class RegistryBusyError(UnavailableError):
    """The registry answered that it cannot now."""

    def __init__(self, *, url: str, status: int) -> None:
        super().__init__(SYSTEM, f"{url} is failing (HTTP {status}). Try `curl -sS {url}`, then run again")


class RegistryTokenError(AccessDeniedError):
    """The registry wants another token, or any."""

    def __init__(self, *, address: str, status: int, variable: str | None) -> None:
        if variable:
            what = f"refuses the token in ${variable} (HTTP {status}). `export {variable}=…` with one that may"
        else:
            what = f"wants a token (HTTP {status}). Name its variable in the block's token_variable, `export` it, and"
        super().__init__(SYSTEM, f"{address} {what} read and write the registry, then run again")


class TokenMissingError(AccessDeniedError):
    """The environment lacks the variable that should carry the token."""

    def __init__(self, *, variable: str) -> None:
        super().__init__(
            SYSTEM,
            f"${variable} is not set, where the block says the token is. Set it: `export {variable}=…`, then run again",
        )


class UntrustedRegistryError(RejectedError):
    """TLS works, but the certificate is not trusted here; verification is never switched off."""

    def __init__(self, *, address: str, reason: str) -> None:
        super().__init__(
            SYSTEM,
            f"the TLS certificate of {address} is not trusted ({reason}). {TRUST_IT}",
        )


class NotARegistryError(RejectedError):
    """Something answers at the address, but not as a Model Registry of this API version does."""

    def __init__(self, *, url: str, answer: str) -> None:
        super().__init__(
            SYSTEM,
            f"{url} gave an answer that no Model Registry gives: {answer}. Correct SLIPWAY_REGISTRY_URL (or the "
            "block's api_version, where the server has only another one), then run `python -m blocks.register`",
        )


class RegistryRefusedError(RejectedError):
    """The registry understood and said no."""

    def __init__(self, *, url: str, status: int, message: str) -> None:
        super().__init__(
            SYSTEM, f"the request was refused (HTTP {status}): {message}. Look at what is there: `curl {url}`"
        )


class NameTakenError(RegistryRefusedError):
    """There is such a name already: another caller was faster."""


class EntryNotFoundError(NotFoundError):
    """The registry has no such version, or no such id."""

    def __init__(self, *, url: str, what: str) -> None:
        super().__init__(
            SYSTEM, f"there is no {what}. See what is there: `curl {url}`; a version comes from an import deployment"
        )
