"""What planning an import asks of the Hub and the store, however many files a model has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployments import catalog
from flows.import_model.source import ResolvedSource
from flows.import_model.stock import read_stock
from flows.import_model.transfer import abort_leftovers
from sandbox.hub import publish
from tests.integration.s3_proxy import proxying
from tests.integration.s3_server import S3Server
from tests.integration.transfer_lane import REPO, open_lane


@pytest.mark.parametrize("count", [10, 1000])
def test_planning_asks_as_little_for_a_thousand_files_as_for_ten(
    s3: S3Server, prefix: str, tmp_path: Path, count: int
) -> None:
    """A question for each file would cost minutes over a slow line before the first byte moves."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(count):
        (files / f"{number:05d}.json").write_text(str(number))
    publish(tmp_path / "root", REPO, files)
    with proxying(s3.endpoint) as proxy:
        store = replace(s3, endpoint=proxy.endpoint).block().client()
        with open_lane(tmp_path / "root", store, prefix) as lane:
            source = ResolvedSource(REPO, lane.revision.commit, lane.revision.files, catalog.load("smollm2").identity)
            abort_leftovers(store, prefix=prefix)
            stock = read_stock(store, prefix=prefix, source=source)
            assert len(stock.missing) == count
            assert len(lane.server.log.entries()) == 1
    assert [asked.operation for asked in proxy.troubles.asked()] == [
        "ListMultipartUploads",
        "GetObject",
        "ListObjectsV2",
    ]
