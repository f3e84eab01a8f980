"""The sandbox's Hub on the wire: redirects, ranges, signed addresses, odd requests, and its command line."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from sandbox.hub import HubServer, publish, publish_files
from tests.integration.hub_folders import REPO, SHARDS, files, write_model

WEIGHTS = f"/{REPO}/resolve/main/{SHARDS[0]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's files."""
    return write_model(tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """A Hub's directory with one model."""
    made = tmp_path_factory.mktemp("root")
    publish(made, REPO, folder)
    return made


@pytest.fixture
def hub(root: Path) -> Iterator[HubServer]:
    """A running Hub."""
    with HubServer(root, tokens="good") as server:
        yield server


class Answer:
    """What came back from one request that follows no redirects."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.headers["Location"]


def ask(url: str, path: str = "", *, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
    """Send one request, exactly as written."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    target = path or f"{parts.path}?{parts.query}"
    connection.request(method, target, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def test_weights_lead_to_a_signed_address_elsewhere(hub: HubServer, folder: Path) -> None:
    """Clients must follow to another origin, and learn size and hash from the redirect itself."""
    answer = ask(hub.url, WEIGHTS, method="HEAD")
    assert answer.status == 302
    assert answer.headers["X-Linked-Etag"] == f'"{files(folder)[SHARDS[0]]}"'
    assert answer.headers["X-Linked-Size"] == str((folder / SHARDS[0]).stat().st_size)
    assert re.fullmatch("[0-9a-f]{40}", answer.headers["X-Repo-Commit"])
    assert urlsplit(answer.location).hostname == "localhost"
    assert urlsplit(answer.location).port != urlsplit(hub.url).port
    assert not [name for name in answer.headers if "xet" in name.lower()]


def test_a_small_file_leads_to_the_hub_itself(hub: HubServer, folder: Path) -> None:
    """The Hub answers 307 with a relative address: a client that knows only absolute ones fails here, as there."""
    answer = ask(hub.url, f"/{REPO}/resolve/main/README.md")
    assert (answer.status, answer.location[0]) == (307, "/")
    content = ask(hub.url, answer.location)
    assert content.body == (folder / "README.md").read_bytes()
    assert content.headers["ETag"] == answer.headers["X-Linked-Etag"]
    assert content.headers["X-Repo-Commit"] == answer.headers["X-Repo-Commit"]


def test_a_small_file_is_compressed_for_whom_likes_it(hub: HubServer, folder: Path) -> None:
    """The Hub does so and then sends no length: a client that counts compressed bytes would find the wrong size."""
    location = ask(hub.url, f"/{REPO}/resolve/main/config.json").location
    answer = ask(hub.url, location, Accept_Encoding="gzip")
    assert (answer.headers["Content-Encoding"], answer.headers["Content-Length"]) == ("gzip", None)
    assert gzip.decompress(answer.body) == (folder / "config.json").read_bytes()


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None)]
)
def test_a_range_gives_that_part(hub: HubServer, folder: Path, asked: str, start: int, stop: int | None) -> None:
    """Parallel and resumed downloads are made of ranges."""
    data = (folder / SHARDS[0]).read_bytes()
    answer = ask(ask(hub.url, WEIGHTS).location, Range=asked)
    begin = start % len(data)
    end = begin + len(data[start:stop]) - 1
    assert (answer.status, answer.body) == (206, data[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end}/{len(data)}"


def test_a_range_beyond_the_end_is_refused(hub: HubServer, folder: Path) -> None:
    """A client that resumes a finished file learns the size from this answer."""
    size = (folder / SHARDS[0]).stat().st_size
    answer = ask(ask(hub.url, WEIGHTS).location, Range=f"bytes={size}-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("asked", ["bytes=9-3", "lines=1-2", "bytes=-", "bytes=0-1,4-5"])
def test_a_malformed_range_is_ignored(hub: HubServer, folder: Path, asked: str) -> None:
    """RFC 9110 wants the whole file then; a client must look at the status, not trust its own header."""
    answer = ask(ask(hub.url, WEIGHTS).location, Range=asked)
    assert (answer.status, len(answer.body)) == (200, (folder / SHARDS[0]).stat().st_size)


def test_a_resume_of_other_content_gets_the_whole_file(hub: HubServer) -> None:
    """If-Range protects a client from gluing two versions of a file together."""
    location = ask(hub.url, WEIGHTS).location
    assert ask(location, Range="bytes=5-", If_Range='"other"').status == 200
    assert ask(location, Range="bytes=5-", If_Range=ask(location).headers["ETag"]).status == 206


def test_an_empty_file_is_served(hub: HubServer) -> None:
    """A file of no bytes has no range, but exists."""
    answer = ask(hub.url, ask(hub.url, f"/{REPO}/resolve/main/empty.txt").location)
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_signed_address_expires(root: Path) -> None:
    """A transfer that takes an hour meets this, and must resolve again."""
    with HubServer(root, url_seconds=0.0) as hub:
        assert ask(ask(hub.url, WEIGHTS).location).status == 403


def test_a_signed_address_opens_one_file(hub: HubServer) -> None:
    """A signature that opened more would hide an importer's mixed-up files."""
    location = ask(hub.url, WEIGHTS).location
    assert ask(location.replace(SHARDS[0], SHARDS[1])).status == 403
    assert ask(location.partition("?")[0]).status == 403


def test_a_token_must_not_follow_to_the_other_origin(hub: HubServer) -> None:
    """A client that sends its token along with a redirect leaks it to the CDN."""
    assert ask(ask(hub.url, WEIGHTS).location, Authorization="Bearer good").status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/acme/..%2f..%2fsecret/resolve/main/x",
        "/../../etc/passwd",
        f"/{REPO}/resolve/main/../../../../../../etc/passwd",
        f"/{REPO}/resolve/main/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        f"/{REPO}/resolve/..%2f..%2frefs/x",
        "/api/resolve-cache/models/acme/small-model/..%2F..%2Frefs/refs.json",
        "/api/models/acme/%00",
        "/%ff%fe/%0d%0aX-Evil:1/resolve/main/x",
        "//",
        "/api/models",
    ],
)
def test_odd_paths_find_nothing(hub: HubServer, path: str) -> None:
    """No spelling of a path leads out of the repository, breaks the server or adds a header."""
    answer = ask(hub.url, path, Authorization="Bearer good")
    assert answer.status == 404
    assert "X-Evil" not in answer.headers
    assert ask(hub.url, "/healthz").status == 200


def test_a_revision_may_have_an_escaped_slash(root: Path, folder: Path) -> None:
    """Branches are named feature/x, and their addresses feature%2Fx."""
    publish(root, "acme/branches", folder, branch="feature/x")
    with HubServer(root) as hub:
        assert ask(hub.url, "/acme/branches/resolve/feature%2Fx/README.md").status == 307
        assert ask(hub.url, "/api/models/acme/branches/tree/feature%2Fx/original").status == 200


def test_a_listing_can_hold_a_hostile_path(tmp_path: Path, folder: Path) -> None:
    """Importers have to refuse such a repository; the Hub must be able to show it."""
    publish_files(tmp_path, "acme/evil", {"../../escape.bin": folder / SHARDS[0]})
    with HubServer(tmp_path) as hub:
        entries = json.loads(ask(hub.url, "/api/models/acme/evil/tree/main?recursive=true").body)
        assert [entry["path"] for entry in entries if entry["type"] == "file"] == ["../../escape.bin"]
        assert ask(hub.url, f"/acme/evil/resolve/main/{quote('../../escape.bin', safe='')}").status == 302


def test_paths_info_takes_json_too(hub: HubServer) -> None:
    """Clients in other languages post JSON where huggingface_hub posts a form."""
    body = json.dumps({"paths": ["config.json"], "expand": True})
    answer = ask(
        hub.url, f"/api/models/{REPO}/paths-info/main", method="POST", body=body, Content_Type="application/json"
    )
    assert [entry["path"] for entry in json.loads(answer.body)] == ["config.json"]


def test_errors_have_the_headers_clients_read(hub: HubServer) -> None:
    """huggingface_hub chooses its exception by X-Error-Code alone on plain HTTP."""
    asked = {
        "RepoNotFound": "/api/models/acme/missing",
        "RevisionNotFound": f"/api/models/{REPO}/revision/missing",
        "EntryNotFound": f"/{REPO}/resolve/main/missing",
    }
    assert {code: ask(hub.url, path).headers["X-Error-Code"] for code, path in asked.items()} == {c: c for c in asked}


def test_a_connection_serves_many_requests(hub: HubServer) -> None:
    """Clients keep connections; a wrong length of one answer would spoil the next."""
    connection = HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
    answers = []
    for path, method in (("/healthz", "GET"), (WEIGHTS, "HEAD"), ("/nowhere", "GET"), ("/healthz", "GET")):
        connection.request(method, path)
        response = connection.getresponse()
        answers.append((response.status, len(response.read()) > 0))
    connection.close()
    assert answers == [(200, True), (302, False), (404, True), (200, True)]


def test_parallel_ranges_make_the_file(hub: HubServer, folder: Path) -> None:
    """An importer reads several ranges of a file at once."""
    data, location = (folder / SHARDS[1]).read_bytes(), ask(hub.url, WEIGHTS.replace(SHARDS[0], SHARDS[1])).location
    parts: dict[int, bytes] = {}

    def read(start: int) -> None:
        parts[start] = ask(location, Range=f"bytes={start}-{start + 9_999}").body

    threads = [threading.Thread(target=read, args=(start,)) for start in range(0, len(data), 10_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b"".join(parts[start] for start in sorted(parts)) == data
    assert hub.log.sent("*.safetensors", origin="cdn") == len(data)
