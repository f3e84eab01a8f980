"""What can go wrong with an image registry, each with the next command."""

from __future__ import annotations

from blocks.errors import AccessDeniedError, IntegrityError, RejectedError, UnavailableError
from blocks.trust import TRUST_IT

SYSTEM = "image registry"


class ImageAccessError(AccessDeniedError):
    """The registry refuses the credentials, or asks for some."""

    def __init__(
        self, *, repository: str, status: int, username_variable: str, password_variable: str, sent: bool
    ) -> None:
        said = "refuses these credentials" if sent else "wants credentials and none are set"
        super().__init__(
            SYSTEM,
            f"{repository} {said} (HTTP {status}). Set {username_variable} and {password_variable} to an account that "
            f"may read it, and try it: buildah login {repository.partition('/')[0]}",
        )


class ImageRegistryUnreachableError(UnavailableError):
    """No connection, or one that broke."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(SYSTEM, f"{host} cannot be reached ({reason}). Try it: curl -sSI https://{host}/v2/")


class ImageRegistryBusyError(UnavailableError):
    """The registry answered that it cannot now."""

    def __init__(self, *, host: str, status: int) -> None:
        super().__init__(SYSTEM, f"{host} cannot answer now (HTTP {status}). Run again in a few minutes")


class ImageCertificateError(RejectedError):
    """The registry's certificate is not signed by an authority that is trusted here."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(
            SYSTEM,
            f"the certificate of {host} is not trusted ({reason}). {TRUST_IT}",
        )


class NotARegistryError(RejectedError):
    """Something answers at the address, but not as an image registry does."""

    def __init__(self, *, host: str, answer: str) -> None:
        super().__init__(
            SYSTEM, f"{host} does not answer as an image registry ({answer}). Try it: curl -sSi https://{host}/v2/"
        )


class LayoutBrokenError(IntegrityError):
    """An image layout's index contradicts itself or its files."""

    def __init__(self, *, folder: str, reason: str) -> None:
        super().__init__(
            SYSTEM, f"the image layout {folder} is broken: {reason}. Remove it and run again: rm -r {folder}"
        )
