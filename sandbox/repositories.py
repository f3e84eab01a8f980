"""Publishes the replicas of models and data sets as the repositories whose names they carry."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox import replicas
from sandbox.errors import StepFailedError
from sandbox.hub.errors import PublishError
from sandbox.hub.publishing import publish
from sandbox.hub.store import Kind
from sandbox.layout import Layout


@dataclass(frozen=True)
class ReplicatedModel:
    """A model's repository of the sandbox's hub.

    Attributes:
        replica: what `sandbox.replicas` builds for it.
        repo: its name at the hub.
        gated: whether its files need a token.
    """

    replica: str
    repo: str
    gated: bool = False


MODELS = (
    ReplicatedModel("quantized", "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16"),
    ReplicatedModel("full", "mistralai/Mistral-Small-24B-Instruct-2501", gated=True),
    ReplicatedModel("smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct"),
    # A sound model that is not the one the catalog declares, to see an import refuse it.
    ReplicatedModel("nemo12b", "sandbox/Mistral-Nemo-Instruct-2407-AWQ"),
)


def provide(at: Layout, say: Callable[[str], None]) -> None:
    """Build every replica and data set and publish it; equal bytes move nothing.

    Raises:
        StepFailedError: one cannot be built or published.
    """
    for model in MODELS:
        _publish(model.repo, at=at, build=partial(replicas.build, model.replica), kind="model", gated=model.gated)
    for repo in replicas.DATASETS:
        _publish(repo, at=at, build=partial(replicas.build_dataset, repo), kind="dataset", gated=False)
    say(f"hub        has replicas of {len(MODELS)} models and {len(replicas.DATASETS)} data sets")


def _publish(repo: str, *, at: Layout, build: Callable[[Path], None], kind: Kind, gated: bool) -> None:
    # Beside the hub's blobs, so that large files are linked instead of copied.
    with tempfile.TemporaryDirectory(dir=at.root, prefix="replica-") as folder:
        try:
            build(Path(folder))
            publish(at.hub, repo, Path(folder), kind=kind, gated=gated)
        except (ValueError, OSError, PublishError) as error:
            raise StepFailedError(step="repositories", reason=f"{repo} was not published: {error}") from error
