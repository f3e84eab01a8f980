"""The API's errors, each a Kubernetes `Status` with the code, reason and wording that clients look for."""

from sandbox.kube.objects import Object


class ApiError(Exception):
    """A request that the API server refuses."""

    def __init__(self, message: str, *, code: int, reason: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.reason, self.details = message, code, reason, details or {}

    def status(self) -> Object:
        """Return the `Status` object that goes over the wire."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


class NotFoundError(ApiError):
    """No such object, resource or path."""

    def __init__(self, *, resource: str, name: str, group: str = "") -> None:
        super().__init__(
            f'{_qualified(resource, group)} "{name}" not found',
            code=404,
            reason="NotFound",
            details={"name": name, "group": group, "kind": resource},
        )


class NoRouteError(ApiError):
    """The path names no resource that this server has."""

    def __init__(self, path: str) -> None:
        message = f"the server could not find the requested resource ({path})"
        super().__init__(message, code=404, reason="NotFound", details={"causes": [{"message": "404 page not found"}]})


class AlreadyExistsError(ApiError):
    """An object of that name exists."""

    def __init__(self, *, resource: str, name: str, group: str = "") -> None:
        super().__init__(
            f'{_qualified(resource, group)} "{name}" already exists',
            code=409,
            reason="AlreadyExists",
            details={"name": name, "group": group, "kind": resource},
        )


class ConflictError(ApiError):
    """The object changed since the caller read it, or another field manager owns what the caller sets."""

    def __init__(
        self,
        *,
        resource: str,
        name: str,
        group: str = "",
        because: str = "the object has been modified; please apply your changes to the latest version and try again",
        causes: list[Object] | None = None,
    ) -> None:
        super().__init__(
            f'Operation cannot be fulfilled on {_qualified(resource, group)} "{name}": {because}',
            code=409,
            reason="Conflict",
            details={"name": name, "group": group, "kind": resource, "causes": causes or []},
        )


class InvalidError(ApiError):
    """The object breaks a rule of its kind."""

    def __init__(self, *, kind: str, name: str, field: str, problem: str, group: str = "") -> None:
        super().__init__(
            f'{kind}{"." + group if group else ""} "{name}" is invalid: {field}: {problem}',
            code=422,
            reason="Invalid",
            details={
                "name": name,
                "group": group,
                "kind": kind,
                "causes": [{"reason": "FieldValueInvalid", "message": problem, "field": field}],
            },
        )


class BadRequestError(ApiError):
    """The request cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=400, reason="BadRequest")


class ForbiddenError(ApiError):
    """The server understands the request and refuses it."""

    def __init__(self, *, resource: str, name: str, because: str, group: str = "") -> None:
        super().__init__(
            f'{_qualified(resource, group)} "{name}" is forbidden: {because}',
            code=403,
            reason="Forbidden",
            details={"name": name, "group": group, "kind": resource},
        )


class UnauthorizedError(ApiError):
    """The bearer token is missing or unknown."""

    def __init__(self) -> None:
        super().__init__("Unauthorized", code=401, reason="Unauthorized")


class MethodNotAllowedError(ApiError):
    """The resource does not have this verb."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"the server does not allow {method} on {path}", code=405, reason="MethodNotAllowed")


class UnsupportedMediaTypeError(ApiError):
    """A patch of a type that the resource does not take."""

    def __init__(self, content_type: str, allowed: str) -> None:
        super().__init__(
            f"the body was in an unknown format ({content_type}); accepted media types include: {allowed}",
            code=415,
            reason="UnsupportedMediaType",
        )


class ExpiredError(ApiError):
    """The resourceVersion is older than the history that the server keeps."""

    def __init__(self, *, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})", code=410, reason="Expired")


class NotImplementedHereError(ApiError):
    """A real cluster can do this, the sandbox cannot."""

    def __init__(self, what: str) -> None:
        message = f"the sandbox's Kubernetes does not support {what} (see sandbox/kube/SUPPORT.md)"
        super().__init__(message, code=501, reason="NotImplemented")


def _qualified(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource
