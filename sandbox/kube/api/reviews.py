"""Questions about access: everybody who has a token may do everything, and these answers say so."""

from aiohttp import web

from sandbox.kube.api.handlers import answer
from sandbox.kube.api.requests import read_body
from sandbox.kube.objects import Object

_ALL_RULES = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


async def review(request: web.Request) -> web.StreamResponse:
    """Answer a `POST` of one of `discovery.REVIEWS`."""
    body = await read_body(request)
    kind, user = body.get("kind", ""), request["user"]
    status: Object = {"allowed": True, "reason": "the sandbox does not enforce RBAC"}
    if kind == "SelfSubjectRulesReview":
        status = _ALL_RULES
    elif kind == "SelfSubjectReview":
        status = {"userInfo": {"username": user, "groups": ["system:authenticated"]}}
    elif kind == "TokenReview":
        status = {"authenticated": True, "user": {"username": user, "groups": ["system:authenticated"]}}
    return answer(request, {**body, "status": status}, code=201)
