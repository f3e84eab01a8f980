"""lm-eval and GuideLLM as processes that leave recorded reports: `python -m lm_eval …`, as a Job runs them.

What they do is said by the file that SCRIPT names, as JSON: by tool (`lm_eval`, `repeat-1` … , `rates`) one of "fail",
"killed", "nothing", or the name of a change to the recorded report.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

REPORTS = Path(__file__).parent.parent / "golden" / "reports"
TIME = "2026-11-23T20-00-00.000000"


def main() -> int:
    """Be the tool that the command line asks for."""
    tool, arguments = sys.argv[2], sys.argv[3:]
    script = json.loads(Path(os.environ["SCRIPT"]).read_text(encoding="utf-8"))
    if tool == "lm_eval":
        return _lm_eval(arguments, act=script.get("lm_eval", "good"))
    return _guidellm(arguments, script=script)


def _end(act: str) -> int | None:
    if act == "fail":
        sys.stderr.write("ConnectionError: the Hub cannot be reached\n")
        return 1
    if act == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return 0 if act == "nothing" else None


def _lm_eval(arguments: list[str], *, act: str) -> int:
    ended = _end(act)
    if ended is not None:
        return ended
    source = REPORTS / ("noisy" if act == "noisy" else "good")
    target = Path(arguments[arguments.index("--output_path") + 1]) / "mistral-24b-quantized"
    target.mkdir(parents=True)
    results = json.loads((source / "results.json").read_text(encoding="utf-8"))
    if act == "unknown version":
        results["lm_eval_version"] = "0.9.0"
    (target / f"results_{TIME}.json").write_text(json.dumps(results), encoding="utf-8")
    for task in ("arc_easy", "hellaswag"):
        (target / f"samples_{task}_{TIME}.jsonl").write_bytes((source / f"samples_{task}.jsonl").read_bytes())
    return 0


def _guidellm(arguments: list[str], *, script: dict[str, str]) -> int:
    profile = json.loads(arguments[arguments.index("--profile") + 1])
    output = Path(next(each for each in arguments if each.startswith("kind=json")).partition("path=")[2])
    seen = Path(os.environ["SCRIPT"]).with_suffix(".seen")
    repeat = len(seen.read_text().splitlines()) + 1 if seen.exists() else 1
    if profile["kind"] == "concurrent":
        with seen.open("a") as noted:
            noted.write("repeat\n")
    name = f"repeat-{repeat}" if profile["kind"] == "concurrent" else "rates"
    act = script.get(name, script.get("guidellm", "good"))
    ended = _end(act)
    if ended is not None:
        return ended
    if act in {"wrong_model", "server_died"}:
        report = _read(act)
    elif profile["kind"] == "concurrent":
        report = _read("concurrencies")
        report["benchmarks"] = report["benchmarks"][2 * (repeat - 1) : 2 * repeat]
    else:
        report = _read("rates")
        report["benchmarks"] = report["benchmarks"][:2]
    if act == "errors":
        _fail_a_third(report)
    output.write_text(json.dumps(report), encoding="utf-8")
    output.with_suffix(".html").write_text("<title>GuideLLM</title>", encoding="utf-8")
    return 0


def _read(name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))
    return report


def _fail_a_third(report: dict[str, Any]) -> None:
    for benchmark in report["benchmarks"]:
        totals = benchmark["metrics"]["request_totals"]
        totals["errored"] = round(totals["successful"] * 3 / 7)


if __name__ == "__main__":
    sys.exit(main())
