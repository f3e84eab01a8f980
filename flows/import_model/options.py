"""How much of an import is in flight: pure."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.settings import Settings
from flows.import_model.parts import MEBIBYTE, part_size


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How much of an import is in flight.

    Attributes:
        part_bytes: size of a range and of the part that it becomes; larger only where a file would have more than
            10,000 parts.
        files: large files that are read at a time; one more may still be uploaded.
        ranges: ranges of a file that are read at a time, and parts of it that are uploaded meanwhile.
        window: further parts that may wait for an earlier one to be hashed.
    """

    part_bytes: int = 8 * MEBIBYTE
    files: int = 2
    ranges: int = 4
    window: int = 1

    @classmethod
    def of(cls, settings: Settings) -> TransferOptions:
        """Read them from the settings."""
        return cls(
            part_bytes=settings.transfer_part_mib * MEBIBYTE,
            files=settings.transfer_files,
            ranges=settings.transfer_ranges,
        )

    def lanes(self, size: int) -> int:
        """How many ranges of a file of `size` bytes are read at a time, at least one."""
        return min(self.ranges, max(-(-size // part_size(size, wanted=self.part_bytes)), 1))

    @property
    def reading(self) -> int:
        """Ranges of all files together that are read at a time: a file of one part takes one of them."""
        return self.files * self.ranges

    @property
    def in_flight(self) -> int:
        """Lanes of all files together that are read or uploaded: a file of which the end is uploaded keeps its own."""
        return (self.files + 1) * self.ranges

    @property
    def buffers(self) -> int:
        """Parts of one file that are in memory at a time."""
        return 2 * self.ranges + self.window

    def memory_bytes(self, size: int) -> int:
        """The most bytes that a transfer of a file of `size` bytes holds."""
        return min(self.buffers * part_size(size, wanted=self.part_bytes), size)

    @property
    def import_bytes(self) -> int:
        """The most bytes that the buffers of all files together take."""
        return self.files * self.buffers * self.part_bytes
