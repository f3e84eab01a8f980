"""A small engine for tests of deploys and tests: as much of vLLM's API, log and command line as they look at."""

from __future__ import annotations

import argparse
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOG = (
    "INFO gpu_model_runner.py:1988] Model loading took 13.1000 GiB and 41.500000 seconds",
    "INFO gpu_worker.py:276] Available KV cache memory: 5.50 GiB",
    "INFO kv_cache_utils.py:864] GPU KV cache size: 36,032 tokens",
    "INFO kv_cache_utils.py:868] Maximum concurrency for 32,768 tokens per request: 1.10x",
)
METRICS = """\
vllm:num_requests_running{engine="0"} 0.0
vllm:num_requests_waiting{engine="0"} 0.0
vllm:request_success_total{engine="0",finished_reason="length"} 7.0
"""
KNOWN = (
    "--dtype", "--max-model-len", "--max-num-seqs", "--gpu-memory-utilization", "--tensor-parallel-size",
    "--tool-call-parser",
)  # fmt: skip
SWITCHES = (
    "--enforce-eager", "--enable-chunked-prefill", "--enable-prefix-caching", "--enable-auto-tool-choice",
    "--disable-custom-all-reduce",
)  # fmt: skip


def main() -> None:
    """Serve until killed; weights that are not there end it."""
    parser = argparse.ArgumentParser(prog="api_server.py")
    for name in ("--port", "--model", "--served-model-name", *KNOWN):
        parser.add_argument(name)
    for name in SWITCHES:
        parser.add_argument(name, action="store_true")
    parser.add_argument("--load-seconds", type=float, default=0.0, help="how long it reads weights before it answers")
    chosen = parser.parse_args()
    if not (Path(chosen.model) / "config.json").is_file():
        sys.exit(f"OSError: {chosen.model} does not appear to have a file named config.json.")
    sys.stdout.write("\n".join(LOG) + "\n")
    sys.stdout.flush()
    time.sleep(chosen.load_seconds)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/metrics":
                    self._answer(METRICS)
                case "/version":
                    self._answer({"version": "0.10.1"})
                case _:
                    self._answer({"data": [{"id": chosen.served_model_name}]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            choice: dict[str, Any] = {"text": " Paris", "message": {"content": "Paris"}}
            if asked.get("echo"):
                choice["logprobs"] = {"tokens": ["The", " capital", " is", "x"], "token_logprobs": [None, -1, -2, -3]}
            self._answer({"choices": [choice]})

        def _answer(self, body: object) -> None:
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every second."""

    # On every address, as vLLM does.
    ThreadingHTTPServer(("", int(chosen.port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
