"""docs/failures.md: each row is there, and the tests that it names are."""

from __future__ import annotations

import re

from tests.contract.platform_objects import PROJECT

TEXT = (PROJECT / "docs" / "failures.md").read_text()
ROWS = dict(re.findall(r"^\| (\d+) \| (.*) \|$", TEXT, re.MULTILINE))
WRITTEN = "\n".join(file.read_text() for file in (PROJECT / "tests").rglob("*.py"))


def test_every_row_is_shown_by_tests_of_its_number_that_exist() -> None:
    """A failure whose test was renamed or removed would come back unseen."""
    assert list(ROWS) == [str(number) for number in range(1, 19)]
    for number, row in ROWS.items():
        named = re.findall(r"`(test_\w+)`", row)
        assert named, number
        assert all(name.startswith(f"test_failure_{number}_") for name in named), row
        assert {name for name in named if f"def {name}(" not in WRITTEN} == set()


def test_every_row_that_a_test_speaks_of_is_there() -> None:
    """A docstring would send its reader to a row that the page does not have."""
    spoken = re.findall(r"def test_failure_(\d+)_|docs/failures\.md, row (\d+)", WRITTEN)
    assert {number or row for number, row in spoken} <= set(ROWS)
