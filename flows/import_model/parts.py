"""Cuts a file into the parts of a multipart upload: pure."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20
MOST_PARTS = 10_000
SMALLEST_PART_BYTES = 5 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a file from `start` up to, not including, `stop`; numbers begin at 1, as S3's do."""

    number: int
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes of the part."""
        return self.stop - self.start


def part_size(size: int, *, wanted: int) -> int:
    """Choose the size of a file's parts in bytes.

    Args:
        size: of the file.
        wanted: of a part. It is raised to S3's minimum, and in steps of 1 MiB where a file would have more than
            10,000 parts: from 80 GB on for parts of 8 MiB.
    """
    needed = -(-size // MOST_PARTS)
    if needed <= wanted:
        return max(wanted, SMALLEST_PART_BYTES)
    return max(-(-needed // MEBIBYTE) * MEBIBYTE, SMALLEST_PART_BYTES)


def plan_parts(size: int, *, wanted: int) -> tuple[Part, ...]:
    """Cut a file of `size` bytes into parts that follow each other without holes; none for an empty file."""
    step = part_size(size, wanted=wanted)
    starts = range(0, size, step)
    return tuple(Part(number, start, min(start + step, size)) for number, start in enumerate(starts, start=1))
