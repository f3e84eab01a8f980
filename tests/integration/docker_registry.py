"""Starts Debian's docker-registry for a test: over TLS, on a free port, with a choice of log-in."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.ports import free_port

USER = "builder"
PASSWORD = "throw-away"
_PASSWORD_BCRYPT = "$2b$04$BbmBFZvPVIrmT7B8R6YlvO8i3cY7ptpPoINP5F/oCXV6oxDXRwHWm"


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1; its file is also the CA bundle that trusts it."""

    key: Path
    file: Path

    @classmethod
    def make(cls, folder: Path) -> Certificate:
        """Make one with the machine's openssl."""
        key, file = folder / "key.pem", folder / "cert.pem"
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        subprocess.run([*command, *subject, "-keyout", key, "-out", file], check=True, capture_output=True)
        return cls(key, file)

    def sign(self, claims: dict[str, object]) -> str:
        """Return a JSON web token over these claims, as a registry's token server makes it."""
        pem = "".join(self.file.read_text().splitlines()[1:-1])
        parts = [
            _base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT", "x5c": [pem]}, claims)
        ]
        signing = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(signing, input=".".join(parts).encode(), check=True, capture_output=True).stdout
        return ".".join([*parts, _base64url(signature)])


@contextmanager
def docker_registry(folder: Path, certificate: Certificate, *, auth: dict[str, object] | None = None) -> Iterator[str]:
    """Serve an empty registry until the block is left; gives its `host:port`.

    Skips the test where docker-registry is not installed.
    """
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed: apt-get install -y docker-registry")
    host = f"127.0.0.1:{free_port()}"
    tls = {"certificate": str(certificate.file), "key": str(certificate.key)}
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": host, "tls": tls},
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(json.dumps(config))
    command = [program, "serve", folder / "config.yml"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "listening on" in line:
                break
        # The pipe must be emptied, or the registry blocks when it is full.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield host
        finally:
            process.terminate()


def htpasswd(folder: Path) -> dict[str, object]:
    """Return a registry's log-in by user and password."""
    (folder / "htpasswd").write_text(f"{USER}:{_PASSWORD_BCRYPT}\n")
    return {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}


@contextmanager
def token_server(certificate: Certificate) -> Iterator[dict[str, object]]:
    """Serve tokens for the password, as Quay does; gives the registry's log-in by such tokens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            known = self.headers.get("Authorization") == "Basic " + _basic()
            body = json.dumps({"token": certificate.sign(_claims(query))}).encode() if known else b"{}"
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
            """Stay silent."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield {
                "token": {
                    "realm": f"https://127.0.0.1:{server.server_port}/token?tenant=1",
                    "service": "images",
                    "issuer": "test",
                    "rootcertbundle": str(certificate.file),
                }
            }
        finally:
            server.shutdown()
            thread.join()


def _claims(query: dict[str, list[str]]) -> dict[str, object]:
    kind, name, actions = query["scope"][0].split(":")
    now = int(time.time())
    access = [{"type": kind, "name": name, "actions": actions.split(",")}]
    return {
        "iss": "test",
        "sub": USER,
        "aud": query["service"][0],
        "exp": now + 300,
        "nbf": now - 60,
        "iat": now,
        "jti": "1",
        "access": access,
    }


def _basic() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
