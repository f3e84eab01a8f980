"""What the demonstration runs, and what it tells of it."""

from __future__ import annotations

import json

from sandbox.demo import completion_command
from sandbox.receipts import LINES, deploy_lines, import_lines
from sandbox.tour import FLOWS, tour

IMPORTED = {
    "registered_model": "Mistral-Small-24B-Instruct",
    "version": "quantized-w4a16",
    "repo": "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16",
    "commit": "0d802242c83d",
    "files_total": 12,
    "files_moved": 12,
    "bytes_moved": 1_500_000,
    "uri": "s3://llm-models/Mistral-Small-24B-Instruct/quantized-w4a16/",
    "receipt": "s3://llm-models/receipts/a.json",
}
DEPLOYED = {
    "registered_model": "Mistral-Small-24B-Instruct",
    "version": "quantized-w4a16",
    "service": "mistral-24b-quantized",
    "changed": True,
    "load_seconds": 21.0,
    "url": "http://127.0.0.1:31712",
    "volume": None,
    "completion": " Paris",
}


def test_each_model_goes_its_way_to_the_last_flow() -> None:
    """A deploy before its import, or a flow that is left out, would end the tour."""
    stops = tour(["quantized", "full"], through="deploy")
    assert [stop.deployment for stop in stops] == [
        "import/quantized",
        "deploy/quantized",
        "import/full",
        "deploy/full",
    ]
    assert [stop.deployment for stop in tour(["quantized", "full"], through="compare")][-2:] == [
        "test/full",
        "compare/quantized-vs-full",
    ]
    assert [stop.deployment for stop in tour(["quantized"], through="import")] == ["import/quantized"]


def test_every_flow_of_the_tour_has_words_for_its_receipt() -> None:
    """A flow that is added to one list alone would fail after minutes, in the middle of the tour."""
    assert set(LINES) == set(FLOWS)


def test_receipt_says_what_moved_and_that_it_is_a_replica() -> None:
    """Without this, a newcomer could take a toy for a 24B model."""
    lines = import_lines(IMPORTED)
    assert lines[0].endswith("a replica of the sandbox, not the real model")
    assert "  moved      12 of 12 files, 1.5 MB" in lines
    assert lines[-1] == "  receipt    s3://llm-models/receipts/a.json"


def test_second_import_is_told_to_have_moved_nothing() -> None:
    """Without this, a newcomer could not see that an import can be run again at no cost."""
    lines = import_lines({**IMPORTED, "files_moved": 0, "bytes_moved": 0})
    assert "  moved      no weight bytes: all 12 files were in place" in lines


def test_a_deploy_tells_where_it_serves_and_what_it_answered() -> None:
    """A newcomer would see a green run, and no address to try."""
    head, *rows = deploy_lines(DEPLOYED)
    assert head.endswith("as mistral-24b-quantized: a replica of the sandbox, not the real model")
    assert rows == [
        "  changed    served by vLLM, loaded in 21 s",
        "  serves at  http://127.0.0.1:31712",
        '  answers    " Paris"',
    ]


def test_a_second_deploy_is_told_to_have_changed_nothing() -> None:
    """A newcomer could not see that a deploy can be run again while the model serves."""
    assert "  changed    nothing was applied: it was deployed already" in deploy_lines({**DEPLOYED, "changed": False})


def test_the_shown_completion_asks_for_the_service_by_its_id() -> None:
    """The engine answers 404 to any other id, and a newcomer would think that nothing serves."""
    command = completion_command(DEPLOYED)
    assert command[0] == "curl"
    assert "http://127.0.0.1:31712/v1/completions" in command
    assert json.loads(command[-1])["model"] == "mistral-24b-quantized"
