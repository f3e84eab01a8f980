"""Faults on purpose: each shows itself on the wire as it would in real life, to the requests it was meant for."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from sandbox.hub import (
    Corrupt,
    Drop,
    Effect,
    Expire,
    Faults,
    HubServer,
    IgnoreRange,
    Pass,
    Rule,
    Slow,
    Stall,
    Status,
    Truncate,
    publish,
)

PATIENCE = 60.0
SIZE = 100_000
DATA = bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256)
FILE = "/acme/model/resolve/main/model.safetensors"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hub's directory with one file of weights."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "model.safetensors").write_bytes(DATA)
    made = tmp_path_factory.mktemp("root")
    publish(made, "acme/model", folder)
    return made


@pytest.fixture
def hub(root: Path) -> Iterator[HubServer]:
    """A running Hub without faults."""
    with HubServer(root) as server:
        yield server


@pytest.fixture
def client(hub: HubServer) -> Iterator[httpx2.Client]:
    """A client that follows redirects and retries nothing."""
    with httpx2.Client(base_url=hub.url, follow_redirects=True, timeout=PATIENCE) as made:
        yield made


def received(client: httpx2.Client, **headers: str) -> tuple[bytes, type[Exception] | None]:
    """The bytes that arrived, and what ended them early."""
    got = bytearray()
    try:
        with client.stream("GET", FILE, headers=headers) as response:
            for part in response.iter_raw():
                got += part
    except httpx2.TransportError as error:
        return bytes(got), type(error)
    return bytes(got), None


def on_weights(effect: Effect, *, times: int | None = None, skip: int = 0) -> Rule:
    """A rule for the content of weights."""
    return Rule(effect, path="*.safetensors", origin="cdn", times=times, skip=skip)


def test_a_status_replaces_the_answer(hub: HubServer, client: httpx2.Client) -> None:
    """Rate limits and outages: the client must read Retry-After, and get through afterwards."""
    hub.faults.add(Rule(Status(429, retry_after=7), method="GET", times=1))
    answer = client.get(FILE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert client.get(FILE).content == DATA


def test_a_status_can_carry_the_hubs_error_code(hub: HubServer, client: httpx2.Client) -> None:
    """A repository that becomes gated in the middle of an import."""
    hub.faults.add(Rule(Status(403, error_code="GatedRepo", message="no longer")))
    answer = client.get("/api/models/acme/model")
    assert (answer.headers["X-Error-Code"], answer.headers["X-Error-Message"]) == ("GatedRepo", "no longer")


def test_a_reset_ends_the_body_early(hub: HubServer, client: httpx2.Client) -> None:
    """A broken network: reads fail, and what was read has to be kept."""
    hub.faults.add(on_weights(Drop(after=30_000)))
    got, error = received(client)
    assert error is httpx2.ReadError
    assert DATA.startswith(got)
    assert hub.log.sent(origin="cdn") == 30_000


def test_an_orderly_close_ends_the_body_early(hub: HubServer, client: httpx2.Client) -> None:
    """A restarted CDN: no error on the socket, only fewer bytes than declared."""
    hub.faults.add(on_weights(Drop(after=30_000, reset=False)))
    assert received(client) == (DATA[:30_000], httpx2.RemoteProtocolError)


def test_a_connection_drops_before_the_answer(hub: HubServer, client: httpx2.Client) -> None:
    """A server that dies on a request, HEAD included."""
    hub.faults.add(Rule(Drop(after=None)))
    with pytest.raises(httpx2.TransportError):
        client.head(FILE)
    assert hub.log.entries()[0].status == 0


def test_a_truncated_body_looks_whole(hub: HubServer, client: httpx2.Client) -> None:
    """Content-Length agrees with a short body: only the declared size shows that bytes are missing."""
    hub.faults.add(on_weights(Truncate(after=10)))
    assert received(client) == (DATA[:10], None)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=4000-6000", "bytes=5000-5001"])
def test_corruption_sits_in_the_file(hub: HubServer, client: httpx2.Client, asked: str) -> None:
    """Other bytes than declared, the same ones for every range that covers them."""
    hub.faults.add(on_weights(Corrupt(offset=5000, length=2)))
    wrong = bytearray(DATA)
    wrong[5000:5002] = bytes(byte ^ 0xFF for byte in DATA[5000:5002])
    first, _, last = asked.removeprefix("bytes=").partition("-")
    assert received(client, Range=asked) == (bytes(wrong[int(first) : int(last) + 1 if last else None]), None)


def test_corruption_spares_other_ranges(hub: HubServer, client: httpx2.Client) -> None:
    """A range that does not cover the corrupt bytes is good."""
    hub.faults.add(on_weights(Corrupt(offset=5000, length=2)))
    assert received(client, Range="bytes=0-4999")[0] == DATA[:5000]
    assert received(client, Range="bytes=5002-")[0] == DATA[5002:]


def test_a_stall_sends_nothing_for_a_while(hub: HubServer, client: httpx2.Client) -> None:
    """A connection that is open and silent: only a read timeout notices."""
    hub.faults.add(on_weights(Stall(seconds=600, after=10_000), times=1))
    client.timeout = httpx2.Timeout(2)
    got, error = received(client)
    assert (got, error) == (DATA[:10_000], httpx2.ReadTimeout)
    client.timeout = httpx2.Timeout(PATIENCE)
    assert received(client) == (DATA, None)


def test_a_stall_ends_when_the_server_stops(root: Path) -> None:
    """`make down` must not wait for a fault, and a test can wait until the fault is on."""
    with HubServer(root, faults=Faults([Rule(Stall(seconds=600))])) as hub:

        def ask() -> None:
            with suppress(httpx2.TransportError):  # the end of the connection may come before the rest of the answer
                httpx2.get(hub.url + FILE, timeout=600)

        client = threading.Thread(target=ask, daemon=True)
        client.start()
        assert hub.faults.wait_until(lambda fired: len(fired) == 1)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE
    client.join(timeout=PATIENCE)
    assert not client.is_alive()


def test_signed_addresses_expire_on_command(hub: HubServer, client: httpx2.Client) -> None:
    """Addresses that are out of date when handed out, or that go out of date between two ranges."""
    hub.faults.add(Rule(Expire(), origin="hub", times=1), Rule(Expire(), origin="cdn", skip=1, times=1))
    assert [client.get(FILE).status_code for _ in range(3)] == [403, 403, 200]


def test_a_range_is_ignored_on_command(hub: HubServer, client: httpx2.Client) -> None:
    """Some CDNs answer 200 with the whole file: a client that appends it corrupts its file."""
    hub.faults.add(on_weights(IgnoreRange()))
    answer = client.get(FILE, headers={"Range": "bytes=500-"})
    assert (answer.status_code, answer.content) == (200, DATA)


def test_a_body_is_slowed_down(hub: HubServer, client: httpx2.Client) -> None:
    """A narrow line, so that progress and kills can be watched."""
    hub.faults.add(on_weights(Slow(seconds=0.1, bytes_per_second=SIZE * 2)))
    assert received(client) == (DATA, None)
    # The whole body takes 0.5 s at that rate, after 0.1 s of latency.
    assert hub.log.entries(origin="cdn")[0].seconds > 0.4


def test_rules_in_a_row_are_a_schedule(hub: HubServer, client: httpx2.Client) -> None:
    """Property-based tests write schedules: the first request meets the first rule, the second the second."""
    effects: list[Effect] = [Status(500), Pass(), Status(503), Truncate(after=1)]
    hub.faults.replace([on_weights(effect, times=1) for effect in effects])
    answers = [client.get(FILE) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [500, 200, 503, 200, 200]
    assert [len(answer.content) for answer in answers][3:] == [1, SIZE]
    assert [fired.rule.effect for fired in hub.faults.fired()] == effects


def test_a_rule_can_skip_requests(hub: HubServer, client: httpx2.Client) -> None:
    """The third range of a file fails, the others do not."""
    hub.faults.add(on_weights(Status(500), skip=2, times=1))
    assert [client.get(FILE).status_code for _ in range(4)] == [200, 200, 500, 200]


def test_a_rule_hits_only_what_it_names(hub: HubServer, client: httpx2.Client) -> None:
    """A fault of one file must leave listings and other files alone."""
    hub.faults.add(on_weights(Status(500)), Rule(Status(502), method="HEAD"))
    assert client.get("/api/models/acme/model").status_code == 200
    assert client.head(FILE).status_code == 502
    assert client.get(FILE).status_code == 500


def test_faults_come_from_a_file_that_changes(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who plays with a running sandbox edits a file; a typo in it is told and changes nothing."""
    file = tmp_path / "faults.json"
    with HubServer(root, fault_file=file) as hub:
        path = hub.url + "/api/models/acme/model"
        statuses = [httpx2.get(path).status_code]
        for text in (
            '{"rules": [{"effect": "status", "code": 503, "path": "/api/*"}]}',
            '{"rules": [{"effect": "x"}]}',
        ):
            file.write_text(text)
            statuses.append(httpx2.get(path).status_code)
        file.unlink()
        statuses.append(httpx2.get(path).status_code)
    assert statuses == [200, 503, 503, 200]
    assert "Rule 1 has no effect 'x'; effects are pass, status, drop" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"effect": "drop", "aftr": 1}, "unknown fields: aftr"),
        ({"effect": "drop", "after": "soon"}, "after: Input should be a valid integer"),
        ({"effect": "pass", "times": "often"}, "times: Input should be a valid integer"),
    ],
)
def test_a_wrong_rule_is_named(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: dict[str, object], complaint: str
) -> None:
    """A misspelled field must not become a fault that never happens."""
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"rules": [rule]}))
    with HubServer(root, fault_file=file) as hub:
        assert httpx2.get(hub.url + "/healthz").status_code == 200
    assert complaint in capsys.readouterr().err


def test_a_client_that_leaves_does_no_harm(hub: HubServer, client: httpx2.Client) -> None:
    """Killed imports leave half-read answers behind."""
    address = httpx2.URL(hub.url)
    with socket.create_connection((address.host, address.port or 80)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    assert client.get(FILE).content == DATA
