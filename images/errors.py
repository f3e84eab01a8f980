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


class TorchBuildError(ImageError):
    """Only a CUDA build of torch was found, which cannot be imported without several GB of libraries."""

    def __init__(self, *, requirement: str) -> None:
        super().__init__(
            f"no CPU build of {requirement} was found. Name an index that has one, which PyTorch's own site tells: "
            "export PIP_EXTRA_INDEX_URL=<the index of CPU builds>"
        )
