"""`verify`: each link of the chain is compared, and a broken one names what disagrees and the next command."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.hub_files import HubFile, HubRevision
from blocks.objects import ObjectEntry
from deployments.settings import Settings
from flows.check_model.record import CheckRecord
from flows.check_model.verdicts import Verdict
from flows.deploy_model.serving import read_serving
from flows.deploy_model.smoke import SmokeResult
from flows.preflight import Finding
from flows.verify_model.chain import verify_chain
from flows.verify_model.facts import Answer, Facts, Source
from flows.verify_model.rehash import StoredFile, StoredVersion
from k8s.manifests.inference_service import inference_service
from tests.unit.deploy_facts import BUCKET, IMAGE, manifest_of, release_of, spec_of, version_of
from tests.unit.records import record

Json = dict[str, Any]
SPEC = spec_of("quantized")
MANIFEST = manifest_of(SPEC)
NAME = SPEC.serving.inference_service
READY = {"conditions": [{"type": "Ready", "status": "True"}], "url": "http://mistral.example.com"}


def service(**status: object) -> Json:
    """The service as a deploy leaves it."""
    inputs = release_of(SPEC).inputs(Settings(), bucket=BUCKET)
    return inference_service(SPEC, inputs) | {"status": status or READY}


def pod(image: str = IMAGE) -> Json:
    """A ready pod of it."""
    statuses = [{"name": "kserve-container", "imageID": image}]
    return {"metadata": {"name": "p", "namespace": "private-ai-demo"}, "status": {"containerStatuses": statuses}}


def stored(**changed: Any) -> StoredVersion:  # noqa: ANN401 - each test gives fields of StoredFile
    """The bytes as a verification read them; the weights with what a test changes."""
    written = datetime(2026, 11, 23, tzinfo=UTC)
    whole = tuple(
        StoredFile(file=file, entry=ObjectEntry(SPEC.prefix + file.path, file.size, '"e"', written), sha256=file.sha256)
        for file in MANIFEST.files
    )
    return StoredVersion(files=(whole[0], replace(whole[1], **changed)), extra=(), proof=None, seconds=20.0)


def source(*, blob: str = "2" * 40, branch_commit: str | None = "a" * 40) -> Source:
    """What the Hub says of the commit."""
    ids = {"config.json": "f" * 40, "model.safetensors": blob}
    files = tuple(HubFile(file.path, file.size, None, ids[file.path]) for file in MANIFEST.files)
    revision = HubRevision(repo=SPEC.source.repo, revision="a" * 40, commit="a" * 40, files=files, gated=False)
    return Source(recorded=revision, branch_commit=branch_commit)


def last_test(*, manifest_sha256: str, verdict: Verdict = Verdict.PASS) -> Answer[CheckRecord]:
    """The last published test."""
    whole = record()
    treatment = whole.subject.treatment.model_copy(update={"manifest_sha256": manifest_sha256})
    judgement = whole.judgement.model_copy(update={"verdict": verdict, "sentence": f"{verdict}: accuracy"})
    subject = whole.subject.model_copy(update={"treatment": treatment})
    return Answer(value=whole.model_copy(update={"subject": subject, "judgement": judgement}))


def facts(**changed: object) -> Facts:
    """What the systems say when all is well, but for what a test changes."""
    whole = Facts(
        manifest=Answer(value=MANIFEST),
        stored=Answer(value=stored()),
        source=Answer(value=source()),
        version=Answer(value=version_of(SPEC, MANIFEST)),
        service=Answer(value=service()),
        serving=Answer(value=read_serving(service(), [pod()])),
        models=Answer(value=(NAME,)),
        smoke=Answer(value=SmokeResult(NAME, " Paris", 5)),
        test=Answer(),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]  # each test gives a field of Facts


def broken(found: Facts) -> dict[str, str]:
    """The links that do not hold."""
    return {each.name: each.detail for each in verify_chain(SPEC, found, bucket=BUCKET) if not each.ok}


def test_a_whole_chain_is_one_table() -> None:
    """People would have to ask five systems by hand, as they did."""
    findings = verify_chain(SPEC, facts(), bucket=BUCKET)
    assert [each.name for each in findings] == [
        *("manifest", "bytes", "source", "registry"),
        *("service", "image", "endpoint", "completion", "test"),
    ]
    assert findings[0] == Finding(
        "manifest",
        ok=True,
        detail=f"{MANIFEST.digest()[:12]}: 2 files, 14,000.0 MB, from {SPEC.source.repo} at aaaaaaaaaaaa",
    )
    assert all(each.ok for each in findings)


def test_a_model_that_was_never_imported_names_the_import() -> None:
    """`verify` would end in a stack trace instead of the next command."""
    nothing = Answer[Any]()
    said = broken(facts(**{each.name: nothing for each in fields(Facts)}))
    assert "prefect deployment run import/quantized" in said["manifest"]
    assert said["bytes"] == "not asked: it needs a manifest"
    assert "prefect deployment run deploy/quantized" in said["service"]
    assert said["completion"] == "not asked: there is no endpoint"
    assert len(said) == 9


def test_bytes_that_were_read_are_told_with_their_rate() -> None:
    """Nobody could tell a verification that read 14 GB from one that read a listing."""
    detail = {each.name: each.detail for each in verify_chain(SPEC, facts(), bucket=BUCKET)}["bytes"]
    assert detail == "all 2 files, 14,000.0 MB, read in 20.0 s (700 MB/s): every SHA-256 is the manifest's"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "9" * 64}, "model.safetensors has SHA-256 999999999999, expected 111111111111"),
        ({"entry": None, "sha256": None}, "model.safetensors is missing"),
        (
            {"entry": ObjectEntry("x", 13, "e", datetime(2026, 1, 1, tzinfo=UTC)), "sha256": None},
            "model.safetensors has 13 bytes, expected 14,000,000,000",
        ),
    ],
    ids=["other-bytes", "missing", "other-size"],
)
def test_failure_7_a_damaged_file_is_named_with_what_was_expected_and_found(
    change: dict[str, Any], sentence: str
) -> None:
    """A verification once listed ten names; a flipped bit would be served for good (docs/failures.md, row 7)."""
    said = broken(facts(stored=Answer(value=stored(**change))))["bytes"]
    start = f"1 of 2 files of s3://{BUCKET}/{SPEC.prefix} is not what the manifest says: "
    assert said == f"{start}{sentence}. Repair: prefect deployment run import/quantized --watch"


def test_a_file_that_cannot_be_read_is_not_called_damaged() -> None:
    """An outage of the store would cost the transfer of the whole model."""
    said = broken(facts(stored=Answer(value=stored(sha256=None, problem="no answer"))))["bytes"]
    assert "model.safetensors could not be read: no answer. If it cannot be read later either: aws s3 rm s3://" in said


def test_many_damaged_files_are_counted() -> None:
    """A lost volume of a thousand files would fill the page."""
    one = stored().files[1]
    gone = tuple(replace(one, file=one.file.model_copy(update={"path": f"{n}"}), entry=None) for n in range(7))
    said = broken(facts(stored=Answer(value=replace(stored(), files=gone))))["bytes"]
    assert "7 of 7 files" in said
    assert "2 is missing; and 4 more. Repair" in said


def test_a_quick_look_says_that_nothing_was_read() -> None:
    """A listing would pass for a proof."""
    quick = replace(stored(sha256=None), seconds=None)
    detail = {each.name: each.detail for each in verify_chain(SPEC, facts(stored=Answer(value=quick)), bucket=BUCKET)}
    assert detail["bytes"] == "all 2 files are listed at their sizes; not read now, none ever read"


def test_a_branch_that_moved_breaks_nothing() -> None:
    """A new README at the Hub would page somebody at night."""
    found = verify_chain(SPEC, facts(source=Answer(value=source(branch_commit="b" * 40))), bucket=BUCKET)
    said = {each.name: each for each in found}["source"]
    assert said.ok
    assert "main moved to bbbbbbbbbbbb, which only another `version` imports" in said.detail


def test_a_commit_that_is_gone_or_another_is_a_broken_source() -> None:
    """The day a file must be repaired would be the day on which the Hub is found to have it no more."""
    assert (
        "has other content of model.safetensors" in broken(facts(source=Answer(value=source(blob="0" * 40))))["source"]
    )
    gone = Source(recorded=None, branch_commit=None)
    assert "has commit aaaaaaaaaaaa no more" in broken(facts(source=Answer(value=gone)))["source"]


def test_a_registry_that_names_two_images_is_found() -> None:
    """A deploy takes the one, an audit compares the other."""
    other = version_of(SPEC, MANIFEST, runtime_image_digest="sha256:" + "0" * 64)
    assert f"its runtime_image is {IMAGE}" in broken(facts(version=Answer(value=other)))["registry"]


def test_a_version_without_a_test_is_told_and_not_failed() -> None:
    """`verify` right after the first deploy would fail, for something that nobody promised."""
    assert verify_chain(SPEC, facts(), bucket=BUCKET)[-1].detail.startswith("not tested yet: prefect deployment run")


def test_a_test_of_other_bytes_or_one_that_failed_breaks_the_chain() -> None:
    """A green test of the bytes before would speak for these."""
    assert "test" not in broken(facts(test=last_test(manifest_sha256=MANIFEST.digest())))
    assert "tested manifest 000000000000" in broken(facts(test=last_test(manifest_sha256="0" * 64)))["test"]
    failed = last_test(manifest_sha256=MANIFEST.digest(), verdict=Verdict.REGRESSED)
    assert "regressed: accuracy" in broken(facts(test=failed))["test"]


def test_failure_2_the_registry_must_name_the_manifest_of_the_store() -> None:
    """Import, service and test once used three names for one version."""
    other = version_of(SPEC, MANIFEST, manifest_sha256="0" * 64)
    assert "it has manifest 000000000000" in broken(facts(version=Answer(value=other)))["registry"]


def test_failure_2_a_service_of_other_bytes_is_found() -> None:
    """A service that was deployed before the last import would pass for the new version."""
    stale = service()
    stale["metadata"]["annotations"]["slipway.dev/manifest-sha256"] = "0" * 64
    assert f"{NAME} serves manifest 000000000000" in broken(facts(service=Answer(value=stale)))["service"]


def test_failure_2_a_service_that_reads_another_prefix_is_found() -> None:
    """`quantized-w4a16/` was imported, and `quant-w4a16/` served."""
    stray = service()
    stray["spec"]["predictor"]["model"]["storageUri"] = "s3://llm-models/other/"
    assert "reads s3://llm-models/other/" in broken(facts(service=Answer(value=stray)))["service"]


def test_failure_9_another_image_than_the_recorded_one_is_found() -> None:
    """The image that was built was never served, and nobody noticed."""
    other = read_serving(service(), [pod("quay.io/org/slipway-vllm@sha256:" + "0" * 64)])
    assert "prefect deployment run deploy/quantized" in broken(facts(serving=Answer(value=other)))["image"]


def test_failure_12_another_id_at_the_endpoint_is_found() -> None:
    """Benchmarks of an id that nobody served were green."""
    assert "serves other, not" in broken(facts(models=Answer(value=("other",))))["endpoint"]


def test_a_service_that_is_not_ready_says_where_to_look() -> None:
    """`verify` is what people type first when a model does not answer."""
    waiting = service(conditions=[{"type": "Ready", "status": "False"}])
    said = broken(facts(service=Answer(value=waiting), serving=Answer(), models=Answer(), smoke=Answer()))
    assert f"kubectl describe inferenceservice {NAME}" in said["service"]
    assert set(said) == {"service", "image", "endpoint", "completion"}


@pytest.mark.parametrize("link", ["manifest", "version", "service"])
def test_a_system_that_does_not_answer_is_told_in_its_own_words(link: str) -> None:
    """An outage of the registry would look like a version that was never registered."""
    said = broken(facts(**{link: Answer(problem="no answer at http://x; is it up?")}))
    assert "no answer at http://x; is it up?" in said.values()
