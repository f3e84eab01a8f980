"""The catalog's command line: `python -m deployments list | show MODEL | check`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import yaml

from deployments import catalog
from deployments.catalog import keys
from deployments.errors import CatalogError, SettingsError
from deployments.spec import DERIVED, ModelSpec


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 for success, 1 for a catalog or environment that is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments",
        description="Look at the catalog of models, with the overlay of SLIPWAY_CATALOG_OVERLAY if it is set.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="print one line for each model")
    commands.add_parser("check", help="validate all files")
    show = commands.add_parser("show", help="print a model's resolved spec as YAML")
    show.add_argument("model", help="a key of the catalog")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "show":
            return _show(chosen.model)
        return _check() if chosen.command == "check" else _list()
    except (CatalogError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1


def _show(key: str) -> int:
    spec = catalog.load(key)
    sys.stdout.write(as_yaml(spec))
    return 0


def as_yaml(spec: ModelSpec) -> str:
    """Write a spec in the order of its fields, so that two shown specs can be compared line by line."""
    shown = spec.model_dump(mode="json", exclude=set(DERIVED))
    source = f"deployments/models/{spec.key}.yaml"
    overlaid = f" under {spec.overlaid_by}" if spec.overlaid_by else ""
    return f"# {source}{overlaid}\n" + yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120)


def _list() -> int:
    for spec in map(catalog.load, keys()):
        overlaid = f"  (under {spec.overlaid_by})" if spec.overlaid_by else ""
        print(f"{spec.key:<12} {spec.prefix:<46} {spec.description}{overlaid}")
    return 0


def _check() -> int:
    wrong = False
    for key, found in catalog.problems():
        wrong = wrong or bool(found)
        if not found:
            print(f"ok     {key}")
        for problem in found:
            print(f"wrong  {problem}", file=sys.stderr)
    if wrong:
        print("Mend what is wrong, then run `python -m deployments check` again.", file=sys.stderr)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
