"""Gathers what goes into an image: pinned packages, our own modules, certificate authorities to trust."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from deployments import VERSION
from images.errors import BuildFailedError, ToolMissingError, TorchBuildError

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "blocks", "k8s", "deployments", "images")
"""The packages of this project that flow runs import or read."""
_PYTHON = "3.11"
_SHOWN_CHARACTERS = 600


def gather(image: str, *, folder: Path, ca_bundle: Path | None, platform: str) -> None:
    """Fill the build context of an image.

    Args:
        image: `flows` or `evaluation`.
        folder: an empty folder.
        ca_bundle: a PEM file of certificate authorities to trust besides the base's.
        platform: whose compiled packages to take, such as `x86_64-manylinux_2_28`.

    Raises:
        ImageError: a package cannot be had.
    """
    shutil.copyfile(PROJECT / "images" / image / "Containerfile", folder / "Containerfile")
    (folder / "ca-bundle.pem").write_bytes(b"" if ca_bundle is None else ca_bundle.read_bytes())
    if image == "flows":
        _install(folder / "packages", requirements="app.txt", options=["--require-hashes"], platform=platform)
        _copy_project(folder / "project")
        _name_project(folder / "packages")
    else:
        # No hashes: the build of torch differs by machine.
        _install_torch(folder / "packages", platform=platform)
        _install(folder / "packages", requirements="evaluation.txt", options=[], platform=platform)


def _install_torch(target: Path, *, platform: str) -> None:
    """Install torch alone, by pip: it takes the CPU's build where PIP_EXTRA_INDEX_URL or the like names one.

    uv does not look there. PyPI's build is CUDA's, whose libraries are not among the requirements: without them it
    cannot be imported, and the tools never compute.
    """
    pinned = next(
        line
        for line in (PROJECT / "requirements" / "evaluation.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith("torch==")
    )
    machine, _, system = platform.partition("-")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(target), "--only-binary", ":all:", "--no-compile", "--python-version", _PYTHON]
    run([*command, "--platform", f"{system}_{machine}", pinned])
    if not any(target.glob("torch-*+cpu.dist-info")):
        raise TorchBuildError(requirement=pinned)


def _install(target: Path, *, requirements: str, options: list[str], platform: str) -> None:
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--target",
        str(target),
        "--python-version",
        _PYTHON,
        "--no-deps",
    ]
    # Linked, the files would share their times and modes with uv's cache.
    command += ["--python-platform", platform, "--link-mode", "copy", "--no-compile-bytecode", *options]
    run([*command, "--requirement", str(PROJECT / "requirements" / requirements)])
    # Its scripts carry this machine's interpreter as their path; modules are run by `python -m` instead.
    shutil.rmtree(target / "bin", ignore_errors=True)


def _copy_project(target: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, target / package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copyfile(PROJECT / "prefect.yaml", target / "prefect.yaml")


def _name_project(packages: Path) -> None:
    """Let `importlib.metadata` know the project, which is copied and not installed: its entry points above all."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = packages / f"{project['name']}-{VERSION}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {VERSION}\n", encoding="utf-8"
    )
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items()) for group, named in groups
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def run(command: list[str], *, folder: Path | None = None) -> str:
    """Run a tool to its end and return what it printed.

    Raises:
        ToolMissingError: it is not installed.
        BuildFailedError: it failed.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed tools
    except FileNotFoundError:
        raise ToolMissingError(tool=command[0]) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-_SHOWN_CHARACTERS:]
        raise BuildFailedError(command=" ".join(command[:3]), code=done.returncode, said=said)
    return done.stdout
