"""Ways to bring a repository from a Hub into S3; each runs alone in a process: `python -m benchmarks.contestants`.

All find the Hub and the store as every client does: by HF_ENDPOINT, AWS_ENDPOINT_URL and the AWS keys. The limits move
the same bytes half the way: downloads to nowhere, uploads out of memory.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Errand:
    """What to bring where.

    Attributes:
        model: the catalog key of the same repository, for the flow.
        repo: "owner/name" on the Hub.
        bucket: of the store.
        prefix: of all keys, with a trailing slash.
    """

    model: str
    repo: str
    bucket: str
    prefix: str


FLOW = "our flow"
EMPTY = "an empty flow"
TRANSFER = "our transfer"
SNAPSHOT = "snapshot_download, upload_file"
COMMANDS = "hf download, aws s3 cp"
DOWNLOAD = "limit: download only"
UPLOAD = "limit: upload only"

FUNCTIONS = {
    FLOW: "benchmarks.contestants.whole_flow:run",
    EMPTY: "benchmarks.contestants.whole_flow:start",
    TRANSFER: "benchmarks.contestants.ours:run",
    SNAPSHOT: "benchmarks.contestants.peers:snapshot_then_upload",
    COMMANDS: "benchmarks.contestants.peers:commands",
    DOWNLOAD: "benchmarks.contestants.limits:download",
    UPLOAD: "benchmarks.contestants.limits:upload",
}
"""Where each is; the limits are no contestants, but run in the same way."""
