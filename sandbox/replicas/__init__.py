"""Scaled-down models with the real architecture, file set and number formats, for the sandbox's hub to publish."""

from .building import NAMES, build
from .datasets import DATASETS, build_dataset
from .identity import identity

__all__ = ["DATASETS", "NAMES", "build", "build_dataset", "identity"]
