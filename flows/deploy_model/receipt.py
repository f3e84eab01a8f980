"""The receipt of a deploy: what serves, where, by which image, how long it took, and what to type next."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DeployReceipt(BaseModel):
    """What one deploy did.

    Attributes:
        changed: False if what was asked for served already.
        load_seconds: from the engine's start to readiness; None if Kubernetes does not say.
        figures: what the engine reported of its memory.
        volume: what became of the volume, in one sentence; None where there is none.
        replica: a sentence for a stand-in of the model; None for the model itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    registered_model: str
    version: str
    manifest_sha256: str
    service: str
    namespace: str
    url: str
    revision: str
    image: str
    changed: bool
    load_seconds: float | None
    figures: dict[str, float | str]
    completion: str
    volume: str | None
    registry_url: str
    flow_run_id: str
    flow_run_url: str | None
    finished: str
    replica: str | None

    def sentence(self) -> str:
        """Tell the result in one line."""
        name = f"{self.registered_model}/{self.version}"
        if not self.changed:
            return f"{name} was deployed already as {self.namespace}/{self.service}, and answers: nothing was applied"
        took = f", loaded in {self.load_seconds:.0f} s" if self.load_seconds is not None else ""
        return f"{name} serves at {self.url}{took}, and answers"

    def markdown(self) -> str:
        """Render for people."""
        lines = [f"# {self.namespace}/{self.service} serves {self.registered_model}/{self.version}", ""]
        if self.replica:
            lines += [f"**This is a sandbox replica, not the real model.** {self.replica}", ""]
        lines += [f"{self.sentence()}.", "", "| | |", "|---|---|"]
        rows = {
            "URL": self.url,
            "revision": f"`{self.revision}`",
            "manifest": f"`{self.manifest_sha256}`",
            "image": f"`{self.image}`",
            "load time": f"{self.load_seconds:.0f} s" if self.load_seconds is not None else "not known",
            **{name: str(value) for name, value in self.figures.items()},
            "volume": self.volume,
            "a completion": f"`{_quoted(self.completion)}`",
            "registry": self.registry_url,
            "flow run": self.flow_run_url or self.flow_run_id,
            "finished": self.finished,
        }
        lines += [f"| {name} | {value} |" for name, value in rows.items() if value]
        lines += ["", "Next:", "", "```sh", *self.next_commands(), "```", ""]
        return "\n".join(lines)

    def next_commands(self) -> list[str]:
        """What a user types to look at a service."""
        body = f'{{"model": "{self.service}", "prompt": "The capital of France is", "max_tokens": 8}}'
        return [
            f"kubectl get isvc {self.service} -n {self.namespace}",
            f"curl {self.url}/v1/completions -H 'Content-Type: application/json' -d '{body}'",
            f"prefect deployment run remove/{self.model} --watch",
        ]


def _quoted(text: str) -> str:
    """A text that cannot break a table."""
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ").strip()
