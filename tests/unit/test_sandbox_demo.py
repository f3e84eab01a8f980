"""What the demonstration tells of an import."""

from __future__ import annotations

from sandbox.demo import receipt_lines

RECEIPT = {
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


def test_receipt_says_what_moved_and_that_it_is_a_replica() -> None:
    """Without this, a newcomer could take a toy for a 24B model."""
    lines = receipt_lines(RECEIPT)
    assert lines[0].endswith("a replica of the sandbox, not the real model")
    assert "  moved      12 of 12 files, 1.5 MB" in lines
    assert lines[-1] == "  receipt    s3://llm-models/receipts/a.json"


def test_second_import_is_told_to_have_moved_nothing() -> None:
    """Without this, a newcomer could not see that an import can be run again at no cost."""
    lines = receipt_lines({**RECEIPT, "files_moved": 0, "bytes_moved": 0})
    assert "  moved      no weight bytes: all 12 files were in place" in lines
