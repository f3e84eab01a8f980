"""The sandbox's command line: `python -m sandbox up|down|status|env|reset|logs|demo|objects|tools|engine`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

from sandbox import engine, environment, evaluation, layout, services, tools
from sandbox.errors import NotUpError, SandboxError, ToolMissingError
from sandbox.supervisor import Sandbox
from sandbox.tour import FLOWS

_SHOWN_LINES = "50"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What is up stays up; `python -m sandbox down` stops it", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Everything that slipway talks to, on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(command=run)
        return command

    up = add("up", _up, "start what does not run and leave what is well")
    up.add_argument("services", nargs="*", metavar="SERVICE", help=f"only these: {', '.join(services.NAMES)}")
    add("down", _down, "stop everything and keep the data")
    add("status", _status, "show each service; exit 1 if one is down")
    add("env", _env, 'print export lines: eval "$(python -m sandbox env)"')
    add("reset", _reset, "stop everything and delete the data")
    tour = add("demo", _demo, "show a model's way from beginning to end")
    tour.add_argument("models", nargs="*", metavar="MODEL", default=["quantized"], help="keys of the catalog")
    tour.add_argument("--through", default="import", choices=FLOWS, help="the last flow of each model (%(default)s)")
    listing = add("objects", _objects, "list what is in the bucket")
    listing.add_argument("prefix", nargs="?", default="")
    add("tools", _tools, "install the programs of the machine that are missing, where that is possible")
    add("engine", _engine, "install vLLM's CPU build, which serves the replicas")
    add("evaluation", _evaluation, "install lm-eval and GuideLLM, which test what is served")
    harm = add("damage", _damage, "move an imported replica's weights by noise, to see a gate see it")
    harm.add_argument("replica", help="what it was imported from: quantized or full")
    harm.add_argument("prefix", help="where: <registered model>/<version>/")
    harm.add_argument("--noise", type=float, default=0.5, help="standard deviations of each tensor; 0 mends")
    logs = add("logs", _logs, "show the logs")
    logs.add_argument("service", nargs="?", help="only this service's")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow")
    return parser


def _sandbox(names: Sequence[str] = ()) -> Sandbox:
    state = layout.state_folder(os.environ)
    return Sandbox(
        state, ports=layout.choose_ports(state, environment=os.environ), services=names or services.NAMES, say=_say
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _up(options: argparse.Namespace) -> int:
    began = time.monotonic()
    sandbox = _sandbox(options.services)
    sandbox.start()
    _say(f'The sandbox is up after {time.monotonic() - began:.0f} s. Next: eval "$(python -m sandbox env)"')
    return 0


def _down(_: argparse.Namespace) -> int:
    if not _sandbox().stop():
        _say("Nothing was running")
    return 0


def _reset(_: argparse.Namespace) -> int:
    sandbox = _sandbox()
    sandbox.reset()
    _say(f"{sandbox.state} is gone")
    return 0


def _status(_: argparse.Namespace) -> int:
    found = _sandbox().status()
    print(f"{'SERVICE':<10}{'PROCESS':>9}{'PORT':>7}  {'HEALTH':<8}SINCE")
    for each in found:
        state = "well" if each.well else "down" if each.pid is None else "unwell"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each.since)) if each.since else "-"
        print(f"{each.service:<10}{each.pid or '-':>9}{each.port:>7}  {state:<8}{since}")
    return 0 if all(each.well for each in found) else 1


def _env(_: argparse.Namespace) -> int:
    print(environment.exports(_sandbox().environment()), end="")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from sandbox import demo  # noqa: PLC0415 - it imports boto3, which other commands need not wait for

    demo.run(_sandbox(), options.models, through=options.through, say=_say)
    return 0


def _objects(options: argparse.Namespace) -> int:
    from sandbox import buckets  # noqa: PLC0415 - as in _demo

    for key, size in buckets.objects(_sandbox().layout, prefix=options.prefix):
        print(f"{size:>14,}  s3://{layout.BUCKET}/{key}")
    return 0


def _tools(_: argparse.Namespace) -> int:
    tools.require(tools.REQUIRED, _say)
    for tool in tools.OPTIONAL:
        try:
            tools.require((tool,), _say)
        except ToolMissingError as error:
            print(f"{error} (optional)")
    return 0


def _engine(_: argparse.Namespace) -> int:
    engine.ensure(_say)
    return 0


def _damage(options: argparse.Namespace) -> int:
    from sandbox import damage  # noqa: PLC0415 - as in _demo

    noise = options.noise or None
    for key in damage.rewrite(_sandbox().layout, replica=options.replica, prefix=options.prefix, noise=noise):
        _say(f"{'damaged' if noise else 'mended'} s3://{layout.BUCKET}/{key}; the next pod that starts reads it")
    return 0


def _evaluation(_: argparse.Namespace) -> int:
    evaluation.ensure(_say)
    return 0


def _logs(options: argparse.Namespace) -> int:
    at = _sandbox([options.service] if options.service else ()).layout
    names = [options.service] if options.service else services.NAMES
    files = [str(at.log(name)) for name in names if at.log(name).is_file()]
    if not files:
        raise NotUpError(what=f"There are no logs in {at.logs}")
    follow = ["-F"] if options.follow else []
    os.execvp("tail", ["tail", "-n", _SHOWN_LINES, *follow, *files])  # noqa: S606 - it takes over, Ctrl-C included


if __name__ == "__main__":
    sys.exit(main())
