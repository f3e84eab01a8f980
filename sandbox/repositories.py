"""Publishes the replicas as the repositories whose names they carry."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox import replicas
from sandbox.errors import StepFailedError
from sandbox.hub.errors import PublishError
from sandbox.hub.publishing import publish
from sandbox.layout import Layout


@dataclass(frozen=True)
class Published:
    """A repository of the sandbox's hub.

    Attributes:
        replica: what `sandbox.replicas` builds for it.
        repo: its name at the hub.
        gated: whether its files need a token.
    """

    replica: str
    repo: str
    gated: bool = False


REPOSITORIES = (
    Published("quantized", "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16"),
    Published("full", "mistralai/Mistral-Small-24B-Instruct-2501", gated=True),
    Published("smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct"),
    # A sound model that is not the one the catalog declares, to see an import refuse it.
    Published("nemo12b", "sandbox/Mistral-Nemo-Instruct-2407-AWQ"),
)


def provide(at: Layout, say: Callable[[str], None]) -> None:
    """Build every replica and publish it; equal bytes move nothing.

    Raises:
        StepFailedError: a replica cannot be built or published.
    """
    for each in REPOSITORIES:
        # Beside the hub's blobs, so that large files are linked instead of copied.
        with tempfile.TemporaryDirectory(dir=at.root, prefix="replica-") as folder:
            try:
                replicas.build(each.replica, Path(folder))
                commit = publish(at.hub, each.repo, Path(folder), gated=each.gated)
            except (ValueError, OSError, PublishError) as error:
                raise StepFailedError(step="repositories", reason=f"{each.repo} was not published: {error}") from error
        note = ", gated" if each.gated else ""
        say(f"hub        has {each.repo} (a replica) at {commit[:12]}{note}")
