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
class Replicated:
    """A repository of the sandbox's hub that stands in for a real one.

    Attributes:
        replica: what `sandbox.replicas` builds for it.
        repo: its name at the hub.
        gated: whether its files need a token.
        commit: the real repository's commit that the catalog pins, and that the replica stands in for; None where the
            catalog follows a branch.
    """

    replica: str
    repo: str
    gated: bool = False
    commit: str | None = None


MODELS = (
    Replicated("quantized", "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16"),
    Replicated(
        "full",
        "mistralai/Mistral-Small-24B-Instruct-2501",
        gated=True,
        commit="9527884be6e5616bdd54de542f9ae13384489724",
    ),
    Replicated("smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct", commit="12fd25f77366fa6b3b4b768ec3050bf629380bac"),
    # A sound model that is not the one the catalog declares, to see an import refuse it.
    Replicated("nemo12b", "sandbox/Mistral-Nemo-Instruct-2407-AWQ"),
)


def provide(at: Layout, say: Callable[[str], None]) -> None:
    """Build every replica and data set and publish it; equal bytes move nothing.

    Raises:
        StepFailedError: one cannot be built or published.
    """
    for model in MODELS:
        _publish(model, at=at, build=partial(replicas.build, model.replica), kind="model")
    for repo in replicas.DATASETS:
        _publish(Replicated(repo, repo), at=at, build=partial(replicas.build_dataset, repo), kind="dataset")
    say(f"hub        has replicas of {len(MODELS)} models and {len(replicas.DATASETS)} data sets")


def _publish(model: Replicated, *, at: Layout, build: Callable[[Path], None], kind: Kind) -> None:
    # Beside the hub's blobs, so that large files are linked instead of copied.
    with tempfile.TemporaryDirectory(dir=at.root, prefix="replica-") as folder:
        try:
            build(Path(folder))
            publish(at.hub, model.repo, Path(folder), kind=kind, gated=model.gated, commit=model.commit)
        except (ValueError, OSError, PublishError) as error:
            raise StepFailedError(step="repositories", reason=f"{model.repo} was not published: {error}") from error
