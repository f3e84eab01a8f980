"""What can go wrong while an image is built."""

from __future__ import annotations


class ImageError(Exception):
    """The image was not built or not pushed; the sentence says what to do."""


class ToolMissingError(ImageError):
    """A tool is not installed."""

    def __init__(self, *, tool: str) -> None:
        super().__init__(f"{tool} is not installed. On Debian: apt-get install -y {tool}")


class BuildFailedError(ImageError):
    """A tool said no."""

    def __init__(self, *, command: str, code: int, said: str) -> None:
        super().__init__(f"`{command}` failed with code {code}: {said}. Run it by hand to see more")
