"""What users do today: download a snapshot to a disk, then upload it file by file."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import boto3
from botocore.config import Config
from huggingface_hub import snapshot_download

from benchmarks.contestants import Errand

SCRATCH = "BENCH_SCRATCH"
"""Names the folder that snapshots go to; whoever measures watches it."""
HF, AWS = "BENCH_HF", "BENCH_AWS"
"""Name the programs."""
CACHE = ".cache"
"""Where huggingface_hub keeps its book of a local folder; nobody wants that in a bucket."""


def snapshot_then_upload(errand: Errand) -> None:
    """`snapshot_download`, then boto3's `upload_file` for every file."""
    s3 = boto3.client("s3", config=Config(request_checksum_calculation="when_required"))
    with tempfile.TemporaryDirectory(dir=os.environ[SCRATCH]) as scratch:
        folder = Path(snapshot_download(errand.repo, local_dir=scratch))
        for path in sorted(folder.rglob("*")):
            key = path.relative_to(folder)
            if path.is_file() and CACHE not in key.parts:
                s3.upload_file(str(path), errand.bucket, errand.prefix + key.as_posix())


def commands(errand: Errand) -> None:
    """`hf download`, then `aws s3 cp --recursive`."""
    with tempfile.TemporaryDirectory(dir=os.environ[SCRATCH]) as scratch:
        for command in (
            (os.environ[HF], "download", errand.repo, "--local-dir", scratch),
            (
                *(os.environ[AWS], "s3", "cp", "--recursive", "--only-show-errors", "--exclude", f"{CACHE}/*"),
                *(scratch, f"s3://{errand.bucket}/{errand.prefix}"),
            ),
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
