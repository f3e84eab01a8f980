"""What all models share on the cluster, printed by slipway's own command and applied as a person would pipe it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import yaml

from sandbox import cluster_objects, environment
from sandbox.errors import StepFailedError
from sandbox.layout import PROJECT, Layout


def provide(at: Layout, say: Callable[[str], None]) -> None:
    """Do what `python -m k8s render-shared … | kubectl apply --server-side -f -` does.

    Raises:
        StepFailedError: the command failed, or the server refused an object.
    """
    command = [sys.executable, "-m", "k8s", "render-shared", "--s3-endpoint", at.url("s3")]
    variables = {**environment.inherited(), **environment.terminal(at)}
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError(step="serving", reason=done.stderr.strip() or f"ended with code {done.returncode}")
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    cluster_objects.apply(at, objects)
    names = (f"{each['kind']} {each['metadata']['name']}" for each in objects)
    say(f"serving    has {', '.join(names)}")
