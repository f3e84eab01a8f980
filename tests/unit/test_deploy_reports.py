"""What people read after a deploy or a removal: the result or the diagnosis first, then what to type."""

from __future__ import annotations

import itertools

import pytest

from blocks.errors import RejectedError
from flows.deploy_model.errors import RecordError
from flows.deploy_model.failure import failure_markdown
from flows.deploy_model.history import ServedRecord, read_served, record_key
from flows.deploy_model.receipt import DeployReceipt
from flows.deploy_model.recovery import UNTOUCHED, UNTOUCHED_EVIDENCE, Evidence, Restoration
from flows.deploy_model.waiting import ALMOST, Wait
from flows.remove_model.removal import Removal
from k8s.diagnosis import Category, Diagnosis
from k8s.errors import NotReadyError
from tests.unit.deploy_facts import spec_of
from tests.unit.memory_store import MemoryStore

RECEIPT = DeployReceipt(
    model="quantized",
    registered_model="Mistral-Small-24B-Instruct",
    version="quantized-w4a16",
    manifest_sha256="b" * 64,
    service="mistral-24b-quantized",
    namespace="private-ai-demo",
    url="https://m.example",
    revision="1",
    image="quay.io/org/slipway-vllm@sha256:" + "c" * 64,
    changed=True,
    load_seconds=118.0,
    figures={"kv_cache_gib": 5.5},
    completion=" Paris | `the`\ncity",
    volume=None,
    registry_url="http://registry/7",
    flow_run_id="run",
    flow_run_url=None,
    finished="2026-01-01T00:00:00+00:00",
    replica=None,
)
EVIDENCE = Evidence(uri="s3://llm-models/evidence/ns/m/run/", files=("summary.txt", "events.txt"))
RESTORED = Restoration(restored=True, sentence="full-fp16 serves again")
OUT_OF_MEMORY = NotReadyError(
    kind="InferenceService",
    name="m",
    namespace="ns",
    diagnosis=Diagnosis(
        category=Category.OOM_KILLED, transient=False, sentence="the container was OOMKilled", next_action="Raise it"
    ),
    log_tail=("loading", "Killed"),
)


def test_a_deploy_that_changed_nothing_says_so() -> None:
    """A user would wonder whether the model was restarted."""
    idle = RECEIPT.model_copy(update={"changed": False})
    assert idle.sentence().endswith("and answers: nothing was applied")


def test_a_receipt_names_what_to_type_next() -> None:
    """A user would have to look up how to ask the model."""
    shown = RECEIPT.markdown()
    assert "curl https://m.example/v1/completions" in shown
    assert "prefect deployment run remove/quantized --watch" in shown


def test_a_completion_cannot_break_the_table() -> None:
    """Whatever the model says would be read as markdown."""
    assert "| a completion | `Paris \\| 'the' city` |" in RECEIPT.markdown()


def test_a_replica_is_called_one_first() -> None:
    """The figures of a sandbox replica would be quoted as the model's."""
    shown = RECEIPT.model_copy(update={"replica": "See sandbox/models/quantized.yaml."}).markdown()
    assert "**This is a sandbox replica, not the real model.**" in shown.splitlines()[2]


def test_a_failure_begins_with_the_diagnosis() -> None:
    """A user would scroll through a log to find what went wrong."""
    shown = failure_markdown(
        spec_of(), OUT_OF_MEMORY, evidence=EVIDENCE, restoration=RESTORED, endpoint="http://s3"
    ).splitlines()
    assert shown[:5] == ["**the container was OOMKilled.**", "", "Raise it.", "", "Category: `OOMKilled`"]
    assert "deploy/quantized failed. full-fp16 serves again." in shown
    assert "Evidence, in `s3://llm-models/evidence/ns/m/run/`:" in shown
    assert "- `summary.txt`" in shown
    assert "Killed" in shown


def test_a_failure_before_the_service_was_touched_says_so() -> None:
    """A user would fear for the model that serves."""
    shown = failure_markdown(
        spec_of(), OUT_OF_MEMORY, evidence=UNTOUCHED_EVIDENCE, restoration=UNTOUCHED, endpoint="http://s3"
    )
    assert "The service was not touched: what served before is as it was." in shown
    assert "No evidence was kept: the service was not touched, so it explains nothing" in shown


def test_a_failure_of_the_smoke_test_is_told_too() -> None:
    """Only failures of Kubernetes would have a report."""
    error = RejectedError("served model", "http://m is ready, but it serves nothing. curl http://m/v1/models")
    lost = Evidence(uri="s3://b/e/", files=(), problem="the store is away")
    shown = failure_markdown(spec_of(), error, evidence=lost, restoration=RESTORED, endpoint="http://s3")
    assert shown.startswith("**served model: http://m is ready, but it serves nothing.")
    assert "No evidence was kept: the store is away" in shown


@pytest.mark.parametrize(
    ("uri", "folder"), [("pvc://mistral-24b-pvc/full-fp16", "full-fp16"), ("s3://llm-models/m/v/", None)]
)
def test_the_record_knows_the_folder_to_keep(uri: str, folder: str | None) -> None:
    """The weights that a rollback needs would be cleared from the volume."""
    service = {"spec": {"predictor": {"model": {"storageUri": uri}}}}
    record = ServedRecord(service=service, version="v", manifest_sha256="0", flow_run_id="r", served="now")
    assert record.folder == folder


def test_a_record_that_is_none_of_ours_is_refused() -> None:
    """A damaged record would be applied to the cluster."""
    store = MemoryStore()
    store.put(record_key(namespace="ns", service="m"), b'{"service": 1}')
    with pytest.raises(RecordError, match="is no record of ours"):
        read_served(store, namespace="ns", service="m")  # type: ignore[arg-type]  # a fake of our adapter


def test_a_removal_says_what_it_freed_and_what_stays() -> None:
    """A user would look for the GPUs, or fear for the weights."""
    freed = Removal(
        service="m", namespace="ns", was_there=True, version="v", pods=1, gpus=4, kept="mistral-24b-pvc"
    )  # fmt: skip
    assert freed.sentence() == (
        "ns/m is taken down with 1 pod, 4 GPUs freed; the volume mistral-24b-pvc and its weights stay"
    )


def test_a_second_removal_says_that_there_was_nothing() -> None:
    """A user would wait for GPUs that were free already."""
    nothing = Removal(service="m", namespace="ns", was_there=False, version=None, pods=0, gpus=0, kept=None)
    assert nothing.sentence() == "ns/m was not deployed: nothing to take down; the weights in S3 stay"


def test_a_wait_never_looks_finished_before_it_is() -> None:
    """A bar at 100 percent would be taken for a model that serves."""
    clock = itertools.count(0.0, 30.0)
    wait = Wait(60.0, clock=lambda: next(clock), said="kserve-container runs")
    assert wait.percent == 50.0
    assert wait.percent == ALMOST
    assert wait.sentence() == "kserve-container runs (90 s; about 60 s are usual)"
