"""What is put into the servers before the first flow, each step over the server's own protocol and repeatable."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial

from sandbox import buckets, cluster_objects, repositories, serving_objects, tools
from sandbox.errors import StepFailedError
from sandbox.layout import PROJECT, Layout
from sandbox.steps import Step

Provide = Callable[[Layout, Callable[[str], None]], None]


def base_image(at: Layout, say: Callable[[str], None]) -> None:
    """Make the image that the runtime image starts from, and remember its name.

    Raises:
        ToolMissingError: there is no Buildah.
        StepFailedError: the image cannot be made.
    """
    tools.require((tools.BUILDAH,), say)
    command = [sys.executable, "-m", "sandbox.base_image", str(at.base_image)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError(step="base-image", reason=done.stderr.strip() or f"ended with code {done.returncode}")
    name = done.stdout.strip().splitlines()[-1]
    at.base_image_name.write_text(name + "\n", encoding="utf-8")
    say(f"images     have the base image {name.rpartition(':')[2][:19]}")


_STEPS: dict[str, tuple[Provide, tuple[str, ...], str]] = {
    # name: what to do, what to wait for, the service without which there is no use for it
    "base-image": (base_image, (), "kube"),
    "repositories": (repositories.provide, (), "hub"),
    "bucket": (buckets.provide, ("s3",), "s3"),
    "cluster": (cluster_objects.provide, ("kube", "base-image"), "kube"),
    "serving": (serving_objects.provide, ("cluster",), "kserve"),
}
NAMES = tuple(_STEPS)


def steps(
    names: Sequence[str] | None, *, services: Sequence[str], at: Layout, say: Callable[[str], None]
) -> list[Step]:
    """The steps to run beside these services.

    Args:
        names: which; None for all that the services have a use for.
        services: the services that run.
        at: their sandbox.
        say: told one line about everything that was done.
    """
    return [
        Step(name, needs=needs, run=partial(provide, at, say))
        for name, (provide, needs, service) in _STEPS.items()
        if (name in names if names is not None else service in services)
    ]
