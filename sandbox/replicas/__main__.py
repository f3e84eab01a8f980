"""The replicas' command line: `build` and `dataset` write one into a folder, `identity` reads a model's."""

import argparse
import json
import re
import sys
from pathlib import Path

from . import DATASETS, NAMES, build, build_dataset, identity

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "identity":
            print(json.dumps(identity(options.folder), indent=2))
        elif options.command == "dataset":
            build_dataset(options.name, options.folder)
            print(f"data set {options.name} is in {options.folder}")
        else:
            build(
                options.name,
                options.folder,
                size_bytes=options.size,
                shards=options.shards,
                small_files=options.files,
                noise=options.noise,
            )
            print(f"replica {options.name} is in {options.folder}")
    except (ValueError, OSError) as error:
        print(f"replicas: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.replicas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="write a replica into a folder")
    builder.add_argument("name", choices=NAMES)
    builder.add_argument("folder", type=Path)
    builder.add_argument("--size", type=_size, help="fill the shards up to exactly this size, such as 2GiB")
    builder.add_argument("--shards", type=int, help="the number of weight files")
    builder.add_argument("--files", type=int, default=0, help="how many 4 KiB JSON files to add")
    builder.add_argument("--noise", type=float, help="damage the weights by so many of their standard deviations")
    dataset = commands.add_parser("dataset", help="write a data set of the evaluation into a folder")
    dataset.add_argument("name", choices=DATASETS)
    dataset.add_argument("folder", type=Path)
    reader = commands.add_parser("identity", help="print what a repository's files say that the model is")
    reader.add_argument("folder", type=Path)
    return parser


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+) ?([KMGkBi]*)", text)
    if not match or match[2] not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no size. Write for example 64MiB or 2GiB.")
    return int(match[1]) * _UNITS[match[2]]


if __name__ == "__main__":
    sys.exit(main())
