"""A deployed model: the adapter that asks vLLM's OpenAI-compatible API what it serves and whether it answers.

No block describes it: its address comes from the InferenceService, so there is nothing to configure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3

from blocks.errors import AccessDeniedError, BlockError, NotFoundError, RejectedError, UnavailableError
from blocks.trust import TRUST_IT, trusted

SYSTEM = "served model"

T = TypeVar("T")

CONNECT_SECONDS = 5.0
READ_SECONDS = 120.0
"""A first completion compiles kernels on some devices; a minute was not always enough."""

SHOWN_BYTES = 300

TOKEN_VARIABLE = "SERVED_MODEL_TOKEN"  # noqa: S105 - the variable's name, not a token
"""Carries the bearer token of services that ask for one; pods have it from a Secret."""


class UnansweredError(UnavailableError):
    """The service does not answer, or says that it cannot now."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(SYSTEM, f"{url} does not answer ({reason}). Look at its pods: kubectl get pods,isvc -A")


class UntrustedServiceError(RejectedError):
    """The service's certificate is signed by nobody whom we trust. Verification is never switched off instead."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(
            SYSTEM,
            f"the certificate of {url} is not trusted ({reason}). {TRUST_IT}",
        )


class UnexpectedAnswerError(RejectedError):
    """What answers is not vLLM, or not the vLLM that was asked for."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(SYSTEM, f"{url} gave an answer that cannot be used: {reason}. Read it: curl {url}")


class UnauthorizedError(AccessDeniedError):
    """The service asks for a token, or for another one."""

    def __init__(self, *, url: str, status: int) -> None:
        if bearer_token(url):
            found = f"does not accept the token in ${TOKEN_VARIABLE}"
        elif urlsplit(url).scheme == "https":
            found = f"asks for a token, and ${TOKEN_VARIABLE} has none"
        else:
            found = "asks for a token, which is sent over https alone"
        super().__init__(
            SYSTEM, f"{url} {found} (HTTP {status}). See docs/gates.md, then: kubectl get secret served-model-token"
        )


@dataclass(frozen=True, slots=True)
class PromptScore:
    """What the engine says of the tokens of a prompt: what evaluations of likelihood are made of.

    Attributes:
        tokens: the prompt's tokens, as text.
        logprobs: natural logarithm of each token's probability given those before; the first has none.
    """

    tokens: tuple[str, ...]
    logprobs: tuple[float | None, ...]


def bearer_token(url: str) -> str | None:
    """The token to show a service, from the environment; None if there is none, or if it would travel in the clear."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    return token if token and urlsplit(url).scheme == "https" else None


class ServedModel:
    """One service, asked with the environment's bearer token if there is one. Safe to share between threads.

    Args:
        url: the service's address, without a path.
        ca_bundle: a PEM file of authorities to trust besides the public ones; None for the one of SLIPWAY_CA_BUNDLE.
    """

    def __init__(self, url: str, *, ca_bundle: str | None = None) -> None:
        self.url = url.rstrip("/")
        token = bearer_token(self.url)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        # Nothing is retried: whether a model that just became ready answers at once is what a caller wants to know.
        self._pool = urllib3.PoolManager(
            ca_certs=trusted(ca_bundle),
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        )

    def models(self) -> tuple[str, ...]:
        """The ids that the service answers to.

        Raises:
            UnansweredError, UnexpectedAnswerError, AccessDeniedError: it does not, or not in a way that we understand.
        """
        answer = self._ask("GET", "/v1/models")
        return self._read(answer, "/v1/models", lambda found: tuple(str(model["id"]) for model in found["data"]))

    def complete(self, model: str, *, prompt: str, max_tokens: int) -> str:
        """Continue a prompt with temperature 0; errors as `models`."""
        body = {"model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0}
        answer = self._ask("POST", "/v1/completions", body)
        return self._read(answer, "/v1/completions", lambda found: str(found["choices"][0]["text"]))

    def score(self, model: str, *, prompt: str) -> PromptScore:
        """Ask for the probabilities of a prompt's own tokens; errors as `models`.

        A server that leaves them out makes every likelihood task score exactly at chance, silently.
        """
        body = {"model": model, "prompt": prompt, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        answer = self._ask("POST", "/v1/completions", body)
        logprobs = self._read(answer, "/v1/completions", lambda found: found["choices"][0].get("logprobs")) or {}
        # The last one is the generated token's.
        return PromptScore(
            tokens=tuple(logprobs.get("tokens") or ())[:-1], logprobs=tuple(logprobs.get("token_logprobs") or ())[:-1]
        )

    def chat(self, model: str, *, question: str, max_tokens: int) -> str:
        """Answer a question in a chat with temperature 0; errors as `models`."""
        messages = [{"role": "user", "content": question}]
        body = {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": 0}
        answer = self._ask("POST", "/v1/chat/completions", body)
        return self._read(
            answer, "/v1/chat/completions", lambda found: str(found["choices"][0]["message"]["content"] or "")
        )

    def version(self) -> str:
        """The engine's own version; errors as `models`."""
        return self._read(self._ask("GET", "/version"), "/version", lambda found: str(found["version"]))

    def metrics(self) -> str:
        """The engine's Prometheus metrics, as text; errors as `models`."""
        return self._ask("GET", "/metrics").data.decode()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> urllib3.BaseHTTPResponse:
        url = self.url + path
        try:
            answer = self._pool.request(
                method, url, headers=self._headers, body=None if body is None else json.dumps(body).encode()
            )
        except urllib3.exceptions.SSLError as error:
            raise UntrustedServiceError(url=self.url, reason=str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise UnansweredError(url=url, reason=str(error)) from error
        if answer.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
            raise _refusal(url, answer)
        return answer

    def _read(self, answer: urllib3.BaseHTTPResponse, path: str, pick: Callable[[Any], T]) -> T:
        try:
            return pick(json.loads(answer.data))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            shown = answer.data[:SHOWN_BYTES].decode(errors="replace").strip()
            raise UnexpectedAnswerError(url=self.url + path, reason=f"it is not vLLM's: {shown!r}") from error


def _refusal(url: str, answer: urllib3.BaseHTTPResponse) -> BlockError:
    shown = answer.data[:SHOWN_BYTES].decode(errors="replace").strip()
    match answer.status:
        case 401 | 403:
            return UnauthorizedError(url=url, status=answer.status)
        case 404:
            return NotFoundError(SYSTEM, f"{url} does not exist there: {shown}. See what does: curl {url}")
        case status if status >= 500 or status == 429:  # noqa: PLR2004 - HTTP's own boundaries
            return UnansweredError(url=url, reason=f"HTTP {status}: {shown}")
        case status:
            return UnexpectedAnswerError(url=url, reason=f"HTTP {status}: {shown}")
