"""Half the way at our own parallelism: what the Hub gives when nothing is stored, what the store takes from memory."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmarks.contestants import Errand
from benchmarks.contestants.ours import each, ends, options
from blocks.hub_files import HubFile
from blocks.objects import UploadedPart
from flows.import_model.parts import Part, plan_parts

R = TypeVar("R")


def download(errand: Errand) -> None:
    """Read every range of every file, and throw it away unhashed."""
    way, own = ends(errand), threading.local()

    def read(file: HubFile) -> None:
        source = way.hub.open(errand.repo, commit=way.revision.commit, file=file)

        def fetch(part: Part) -> None:
            # One buffer for all parts of a thread: fresh ones would make the limit slower than what it limits.
            if len(getattr(own, "buffer", b"")) < part.size:
                own.buffer = bytearray(part.size)
            source.read_into(part.start, memoryview(own.buffer)[: part.size])

        _parts(file, fetch)

    each(way.revision.files, read, at_once=options().files)


def upload(errand: Errand) -> None:
    """Write the same parts from one buffer; the digest in the metadata is all that is missing."""
    way, how = ends(errand), options()
    # Zeros would not do: a store that compresses would be measured without its disk.
    body = bytearray(random.Random(0).randbytes(how.part_bytes))  # noqa: S311 - filler, not a secret

    def write(file: HubFile) -> None:
        key = errand.prefix + file.path
        if file.size <= how.part_bytes:
            way.store.put(key, body[: file.size])
            return
        upload = way.store.start_upload(key, metadata={})

        def send(part: Part) -> UploadedPart:
            return way.store.upload_part(
                upload, number=part.number, body=body if part.size == len(body) else body[: part.size]
            )

        way.store.complete_upload(upload, parts=_parts(file, send), size=file.size, metadata={})

    each(way.revision.files, write, at_once=options().files)


def _parts(file: HubFile, do: Callable[[Part], R]) -> list[R]:
    with ThreadPoolExecutor(options().ranges) as pool:
        return list(pool.map(do, plan_parts(file.size, wanted=options().part_bytes)))
