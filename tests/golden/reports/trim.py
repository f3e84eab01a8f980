"""Cut real reports down to golden ones: `python tests/golden/reports/trim.py FOLDER NAME=REPORT...`; see README.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

METRICS = (
    "request_totals",
    "requests_per_second",
    "request_concurrency",
    "request_latency",
    "output_tokens_per_second",
    "output_token_count",
    "time_to_first_token_ms",
    "time_per_output_token_ms",
    "inter_token_latency_ms",
)
STATISTICS = ("mean", "median", "count", "percentiles")
PERCENTILES = ("p50", "p90", "p95", "p99")
SAMPLE = ("doc_id", "target", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash", "acc", "acc_norm")
MODEL = "/mnt/models"


def benchmarks(path: Path) -> dict[str, Any]:
    """A GuideLLM report without single requests (one failed one stays) and without metrics that nobody reads."""
    report: dict[str, Any] = json.loads(path.read_text())
    report["metadata"].pop("platform")
    spec = report["config"]["spec"]
    spec["tokenizer"]["model"] = MODEL
    for output in spec["outputs"]:
        output["path"] = "benchmarks.json"
    for benchmark in report["benchmarks"]:
        benchmark["config"] = {"strategy": benchmark["config"]["strategy"]}
        benchmark["scheduler_metrics"] = {"requests_made": benchmark["scheduler_metrics"]["requests_made"]}
        benchmark.pop("scheduler_state")
        errored = (benchmark["requests"] or {}).get("errored") or []
        benchmark["requests"] = {"errored": [{"info": {"error": item["info"]["error"]}} for item in errored[:1]]}
        metrics = {name: benchmark["metrics"][name] for name in METRICS}
        benchmark["metrics"] = {
            name: metric if name == "request_totals" else {group: _statistics(metric[group]) for group in metric}
            for name, metric in metrics.items()
        }
    return report


def _statistics(statistics: dict[str, Any]) -> dict[str, Any]:
    kept = {name: statistics[name] for name in STATISTICS}
    return kept | {"percentiles": {name: statistics["percentiles"][name] for name in PERCENTILES}}


def results(path: Path) -> dict[str, Any]:
    """lm-eval's results without a description of the machine."""
    report: dict[str, Any] = json.loads(path.read_text())
    report.pop("pretty_env_info")
    report["config"]["model_args"]["tokenizer"] = MODEL
    for config in report["configs"].values():
        config["metadata"] = {"version": config["metadata"]["version"]}
    return report


def samples(path: Path) -> str:
    """lm-eval's samples without the questions' texts: what was asked stays as hashes, and the choices."""
    lines = []
    for line in path.read_text().splitlines():
        sample = json.loads(line)
        kept = {name: sample[name] for name in SAMPLE}
        kept["arguments"] = {name: {"arg_1": value["arg_1"]} for name, value in sample["arguments"].items()}
        lines.append(json.dumps(kept))
    return "\n".join(lines) + "\n"


def main(out: Path, arguments: list[str]) -> None:
    """Trim each `name=file`; the name's suffix and start say which kind it is."""
    for argument in arguments:
        name, _, source = argument.partition("=")
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".jsonl":
            target.write_text(samples(Path(source)))
        else:
            trim = results if target.name.startswith("results") else benchmarks
            target.write_text(json.dumps(trim(Path(source)), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
