"""What a service is asked before it is measured, against a small server that answers as it is told to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from blocks.served_model import TOKEN_VARIABLE, ServedModel, UnauthorizedError, UntrustedServiceError
from flows.check_model.errors import BusyServiceError, NoChatError, NoEngineMetricsError
from flows.check_model.probe import probe
from flows.deploy_model.smoke import SmokeTestError
from tests.integration.self_signed import self_signed

NAME = "mistral-24b"
METRICS = "vllm:num_requests_running{{}} {running}\nvllm:num_requests_waiting{{}} 0.0\n"
SCORED = {"tokens": ["a", "b", "c"], "token_logprobs": [None, -1.0, -2.0]}


@contextmanager
def serving(*, context: ssl.SSLContext | None = None, **answers: object) -> Iterator[str]:
    """Serve a good engine, that may want a `token`, or answer otherwise: `id`, `logprobs`, `chat`, `metrics`."""

    class Engine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(answers.get("metrics", METRICS.format(running="0.0")))
            else:
                self._answer({"data": [{"id": answers.get("id", NAME)}]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            logprobs = answers.get("logprobs", SCORED) if asked.get("echo") else None
            message = {"content": answers.get("chat", "Paris")}
            self._answer({"choices": [{"text": " Paris", "logprobs": logprobs, "message": message}]})

        def _answer(self, body: object) -> None:
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            shown = self.headers["Authorization"]
            self.send_response(200 if shown == (f"Bearer {answers['token']}" if "token" in answers else None) else 401)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_good_service_can_be_measured() -> None:
    """No test would ever begin."""
    with serving() as url:
        assert probe(ServedModel(url), name=NAME).endswith("chats, and is idle")


@pytest.mark.parametrize(
    ("answers", "error", "told"),
    [
        ({"id": "another"}, SmokeTestError, "it serves another, not mistral-24b"),
        ({"logprobs": None}, SmokeTestError, "every evaluation would score at chance"),
        ({"chat": ""}, NoChatError, "empty answer in a chat"),
        ({"metrics": METRICS.format(running="3.0")}, BusyServiceError, "works on 3 requests and 0 wait"),
        ({"metrics": "process_cpu_seconds_total 1\n"}, NoEngineMetricsError, "no vllm:num_requests_running and no"),
    ],
    ids=["fact 12: another id", "no prompt probabilities", "no chat", "busy", "not vLLM"],
)
def test_a_service_that_cannot_be_measured_is_refused(
    answers: dict[str, Any], error: type[Exception], told: str
) -> None:
    """Benchmarks of a wrong id were green, and an evaluation without probabilities scores exactly chance."""
    with serving(**answers) as url, pytest.raises(error, match=told):
        probe(ServedModel(url), name=NAME)


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server's certificate, and the file that vouches for it."""
    made = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made)
    return context, str(made)


def test_a_service_that_asks_for_a_token_gets_the_environments(
    tls: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Services behind an authorizing proxy could be neither deployed nor tested."""
    context, authority = tls
    monkeypatch.setenv(TOKEN_VARIABLE, " a-hush-token\n")
    with serving(context=context, token="a-hush-token") as url:
        assert probe(ServedModel(url, ca_bundle=authority), name=NAME)


@pytest.mark.parametrize(
    ("token", "told"),
    [("", r"asks for a token, and \$SERVED_MODEL_TOKEN has none"), ("a-stale-one", "does not accept the token in")],
)
def test_a_refused_token_is_told_without_showing_it(
    tls: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch, token: str, told: str
) -> None:
    """An operator would search the network, or read the token in a log."""
    context, authority = tls
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    with serving(context=context, token="a-hush-token") as url, pytest.raises(UnauthorizedError, match=told) as refused:
        probe(ServedModel(url, ca_bundle=authority), name=NAME)
    assert "kubectl get secret served-model-token" in str(refused.value)
    assert "a-stale-one" not in str(refused.value)


def test_a_token_never_travels_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever listens on the way to one service could ask all of them."""
    monkeypatch.setenv(TOKEN_VARIABLE, "a-hush-token")
    with serving() as url:
        assert probe(ServedModel(url), name=NAME), "an engine that is shown a token answers 401 here"
    with serving(token="a-hush-token") as url, pytest.raises(UnauthorizedError, match="sent over https alone"):
        probe(ServedModel(url), name=NAME)


def test_failure_10_an_unknown_authority_is_refused_with_the_setting_to_use(tls: tuple[ssl.SSLContext, str]) -> None:
    """TLS verification was patched off for the whole process (docs/failures.md, row 10)."""
    context, authority = tls
    with serving(context=context) as url:
        with pytest.raises(UntrustedServiceError, match="Set SLIPWAY_CA_BUNDLE to a PEM file") as refused:
            probe(ServedModel(url), name=NAME)
        assert not refused.value.transient
        assert probe(ServedModel(url, ca_bundle=authority), name=NAME)
