"""The receipt of an import: what came from where, how fast, where it is now, and what to type next."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flows.import_model.progress import MEGABYTE


class ImportReceipt(BaseModel):
    """What one import did. Times and tool versions live here, never in the manifest.

    `bytes_moved` and `bytes_total` count the files alone; `seconds` is the time of the transfers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    registered_model: str
    version: str
    repo: str
    revision: str
    commit: str
    pinned: bool
    branch_moved_to: str | None
    files_total: int
    files_moved: int
    bytes_total: int
    bytes_moved: int
    seconds: float
    uri: str
    manifest_sha256: str
    runtime_image: str
    runtime_image_digest: str
    runtime_built: bool
    registry_version_id: str
    registry_url: str
    flow_run_id: str
    flow_run_url: str | None
    finished: str
    tool_versions: dict[str, str]
    replica: str | None

    def markdown(self) -> str:
        """Tell the receipt to a person."""
        notes = [
            f"**This is a sandbox replica, not the real model.** {self.replica}" if self.replica else "",
            ""
            if self.pinned
            else f"`{self.revision}` is not pinned: set `source.revision` to `{self.commit}` to pin it.",
            f"Branch moved to `{self.branch_moved_to}`; set another `version` to import it."
            if self.branch_moved_to
            else "",
        ]
        rows = {
            "Source": f"`{self.repo}` @ `{self.commit}` (from `{self.revision}`)",
            "Weights": f"`{self.uri}`",
            "Moved": self.moved_sentence(),
            "Manifest": f"`sha256:{self.manifest_sha256}`",
            "Runtime image": f"`{self.runtime_image}`",
            "Image was": "built by this run" if self.runtime_built else "unchanged, so not built again",
            "Registry": f"[version {self.registry_version_id}]({self.registry_url})",
            "Flow run": f"[{self.flow_run_id}]({self.flow_run_url})" if self.flow_run_url else f"`{self.flow_run_id}`",
            "Finished": self.finished,
            "Tools": ", ".join(f"{name} {version}" for name, version in self.tool_versions.items()),
        }
        lines = [f"# {self.registered_model} / {self.version}", "", *(f"> {note}\n" for note in notes if note)]
        lines += ["| what | value |", "|---|---|", *(f"| **{name}** | {value} |" for name, value in rows.items())]
        return "\n".join([*lines, "", "Next:", "", "```bash", *self.next_commands(), "```", ""])

    def moved_sentence(self) -> str:
        """Say what this run transferred and what it found in place."""
        if not self.bytes_moved:
            return (
                f"no weight bytes: all {self.files_total} files ({self.bytes_total / MEGABYTE:,.1f} MB) were in place"
            )
        rate = self.bytes_moved / self.seconds / MEGABYTE if self.seconds else 0.0
        skipped = self.files_total - self.files_moved
        return (
            f"{self.files_moved} files, {self.bytes_moved / MEGABYTE:,.1f} MB in {self.seconds:.1f} s "
            f"({rate:,.1f} MB/s); {skipped} files were in place"
        )

    def next_commands(self) -> list[str]:
        """What a user types to look at an import."""
        prefix = f"{self.registered_model}/{self.version}/"
        listing = f"python -m sandbox objects {prefix}" if self.replica else f"aws s3 ls --recursive {self.uri}"
        return [listing, f"curl {self.registry_url}", f"prefect deployment run deploy/{self.model} --watch"]
