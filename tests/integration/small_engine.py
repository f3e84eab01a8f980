"""An engine that answers like vLLM's server does, from no model at all: for tests of what starts it."""

import argparse
import http.server
import json
import os
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--served-model-name", required=True)
parser.add_argument("--max-model-len", type=int)
parser.add_argument("--eat-memory", type=int, default=0, help="MiB")
options = parser.parse_args()
eaten = bytearray(os.urandom(1 << 20) * options.eat_memory)


class Handler(http.server.BaseHTTPRequestHandler):
    """Says that it is well, and what it was started with."""

    def do_GET(self) -> None:
        """Answer everything alike."""
        files = sorted(str(path.relative_to(options.model)) for path in options.model.rglob("*") if path.is_file())
        told = {"id": options.served_model_name, "files": files, "arguments": sys.argv[1:], "pid": os.getpid()}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()
