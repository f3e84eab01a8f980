"""`python -m sandbox.hub`: serve a Hub in the foreground, or publish a folder to it."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.hub.errors import PublishError
from sandbox.hub.faults import Pass
from sandbox.hub.line import Line
from sandbox.hub.publishing import publish
from sandbox.hub.request_log import Entry
from sandbox.hub.server import HubServer
from sandbox.hub.store import KINDS
from sandbox.hub.tokens import TOKENS_VARIABLE, Token, read_tokens

_MIB = 1024 * 1024


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    if arguments[:1] == ["publish"]:
        return _publish(arguments[1:])
    return _serve(arguments)


def _publish(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.hub publish", description="Make a folder a commit.")
    parser.add_argument("folder", type=Path, help="the repository's files")
    parser.add_argument("--root", type=Path, required=True, help="the Hub's directory")
    parser.add_argument("--repo", required=True, metavar="ORG/NAME")
    parser.add_argument("--type", choices=KINDS, default="model", dest="kind")
    parser.add_argument("--branch", default="main")
    parser.add_argument("--gated", action="store_true", help="files need a token that was let in")
    options = parser.parse_args(arguments)
    try:
        commit = publish(
            options.root,
            options.repo,
            options.folder,
            branch=options.branch,
            kind=options.kind,
            gated=options.gated,
        )
    except PublishError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    print(commit)
    return 0


def _serve(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.hub",
        description="Serve a directory as a Hugging Face Hub. `python -m sandbox.hub publish` fills it.",
        epilog=f"Tokens come from --token-file and the environment variable {TOKENS_VARIABLE}: entries "
        "TOKEN[:USER[:REPO|REPO...]] between blanks or commas; without repositories a token opens all gated ones.",
    )
    parser.add_argument("--root", type=Path, required=True, help="the Hub's directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cdn-port", type=int, default=0, help="of the signed addresses; default: a free one")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--faults", type=Path, metavar="FILE", help="JSON rules, read again when they change")
    parser.add_argument("--url-seconds", type=float, default=3600.0, help="how long signed addresses are good for")
    parser.add_argument("--page-size", type=int, default=1000, help="entries of a tree's page")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="before each answer")
    parser.add_argument("--mib-per-second", type=float, help="limit of each download")
    parser.add_argument("--line-mib-per-second", type=float, help="limit of all downloads together")
    parser.add_argument("--quiet", action="store_true", help="do not print requests")
    options = parser.parse_args(arguments)
    try:
        tokens = read_tokens(options.token_file)
    except OSError as error:
        print(f"hub: cannot read the tokens: {error}. Correct --token-file", file=sys.stderr)
        return 1
    try:
        server = _make_server(options, tokens=tokens)
    except OSError as error:
        print(f"hub: cannot listen on port {options.port}: {error}. Choose another with --port", file=sys.stderr)
        return 1
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    with server:
        print(f"hub: {server.url} serves {options.root}", flush=True)
        stop.wait()
    return 0


def _make_server(options: argparse.Namespace, *, tokens: Sequence[Token]) -> HubServer:
    return HubServer(
        options.root,
        host=options.host,
        port=options.port,
        cdn_port=options.cdn_port,
        tokens=tokens,
        fault_file=options.faults,
        url_seconds=options.url_seconds,
        page_size=options.page_size,
        latency=options.latency_ms / 1000,
        bytes_per_second=int(options.mib_per_second * _MIB) if options.mib_per_second else None,
        line=Line(options.line_mib_per_second * _MIB) if options.line_mib_per_second else None,
        on_answer=None if options.quiet else _print_entry,
    )


def _print_entry(entry: Entry) -> None:
    part = f" [{entry.range}]" if entry.range else ""
    fault = "" if isinstance(entry.effect, Pass) else f" fault: {entry.effect}"
    print(
        f"{entry.origin} {entry.method} {entry.path!r}{part} {entry.status} {entry.sent} bytes "
        f"{entry.seconds * 1000:.0f} ms{fault}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
