"""docs/faults.md: the tests that it names are there."""

from __future__ import annotations

import re

from tests.contract.platform_objects import PROJECT

TEXT = (PROJECT / "docs" / "faults.md").read_text()


def test_every_fault_is_shown_by_a_test_that_exists() -> None:
    """A promise whose test was renamed or removed would be kept by nobody."""
    written = "\n".join(file.read_text() for file in (PROJECT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"\b(test_\w+)(?=`)", TEXT))
    assert {name for name in named if f"def {name}(" not in written} == set()
    assert {
        file for file in re.findall(r"faults/test_\w+\.py", TEXT) if not (PROJECT / "tests" / file).exists()
    } == set()
