"""What a deploy does with a service that failed: new pods, or the version that served before."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import partial
from typing import cast

import pytest

from blocks.lease_record import LeaseLostError
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.deploy_model import cluster_checks
from flows.deploy_model.applying import RESTARTED_BY, Stock, apply_objects, restarted, was_applied
from flows.deploy_model.errors import NameTakenError, NoRoomError
from flows.deploy_model.history import ServedRecord
from flows.deploy_model.recovery import Restoration, Touched, is_unseen, restore
from flows.deploy_model.standing import is_same
from flows.deploy_model.wanted import wanted_objects
from flows.import_model.errors import MissingRightsError
from k8s.cluster import Cluster, ReadyWatch, Right
from k8s.diagnosis import Category, Diagnosis
from k8s.errors import ClusterUnavailableError, ForbiddenError, UnknownKindError
from k8s.gpus import GpuInventory
from tests.unit.deploy_facts import BUCKET, Json, release_of, spec_of

SPEC = spec_of()
WANTED = wanted_objects(SPEC, release_of(SPEC), environment=Settings(), bucket=BUCKET)
OLDER = wanted_objects(SPEC, release_of(SPEC, commit="b" * 40), environment=Settings(), bucket=BUCKET).service
SERVED = ServedRecord(service=OLDER, version="older", manifest_sha256="1" * 64, flow_run_id="r", served="yesterday")
LABELS = SPEC.serving.node_selector
POD: Json = {
    "metadata": {"name": "notebook", "namespace": "private-ai-demo"},
    "spec": {"nodeName": "gpu", "containers": [{"name": "m", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
    "status": {"phase": "Running"},
}


class FakeCluster:
    """A cluster that notes what is applied: a fake of our own adapter."""

    def __init__(
        self, *, away: bool = False, pods: tuple[Json, ...] = (), monitors: bool = False, lacking: str = ""
    ) -> None:
        self.applied: list[Json] = []
        self.away, self.pods, self.monitors, self.lacking = away, pods, monitors, lacking

    def serves(self, api_version: str, kind: str) -> bool:
        """Tell whether there is a Prometheus operator."""
        assert (api_version, kind) == ("monitoring.coreos.com/v1", "PodMonitor")
        return self.monitors

    def missing_rights(self, rights: Iterable[Right], *, namespace: str) -> tuple[Right, ...]:
        """Return the rights on the kind that is not ours to touch."""
        assert namespace == "private-ai-demo"
        return tuple(right for right in rights if right.resource == self.lacking)

    def version(self) -> str:
        """Return a version."""
        return "v1.31.2"

    def apply(self, manifest: Json) -> Json:
        """Note a manifest; there is no Prometheus operator."""
        if self.away:
            raise ClusterUnavailableError(address="https://api", reason="refused")
        if manifest["kind"] == "PodMonitor":
            raise UnknownKindError(api_version=manifest["apiVersion"], kind="PodMonitor")
        self.applied.append(manifest)
        return manifest

    def get(self, api_version: str, kind: str, name: str, *, namespace: str) -> Json | None:
        """Return what was applied last."""
        if self.away:
            raise ClusterUnavailableError(address="https://api", reason=f"{api_version} {kind} {namespace}/{name}")
        return self.applied[-1] if self.applied else None

    def wait_ready(self, kind: str, name: str, *, namespace: str, watch: ReadyWatch) -> None:
        """Be ready at once."""
        watch.on_progress(f"{kind} {namespace}/{name} is ready")

    def gpus(self, *, namespace: str, replacing: str | None) -> GpuInventory:
        """Refuse, as the role of the flows does."""
        raise ForbiddenError(verb="read", path="/api/v1/pods", reason=f"{namespace} {replacing}")

    def objects(self, api_version: str, kind: str, *, namespace: str | None = None) -> list[Json]:
        """List one node with one GPU, and this namespace's pods."""
        assert api_version == "v1"
        node = {
            "metadata": {"name": "gpu", "labels": LABELS},
            "status": {"allocatable": {"nvidia.com/gpu": "1"}, "conditions": [{"type": "Ready", "status": "True"}]},
        }
        return {"Node": [node], "Pod": list(self.pods) if namespace else [], "ResourceQuota": []}[kind]


def as_cluster(fake: FakeCluster) -> Cluster:
    """The fake as the type that it stands for."""
    return cast("Cluster", fake)


def stock(category: Category, *, same: bool = True) -> Stock:
    """A service of this standing."""
    return Stock(
        same=same, diagnosis=Diagnosis(category=category, transient=False, sentence="it is so", next_action="")
    )


def applied(held: Stock) -> list[Json]:
    """What a deploy applies where the cluster holds this."""
    fake = FakeCluster()
    apply_objects(as_cluster(fake), wanted=WANTED, stock=held, run="run-7", say=lambda _: None)
    return fake.applied


def test_a_stuck_service_gets_new_pods() -> None:
    """After a wrong Secret was mended, every deploy would find the old pod's failure again."""
    [service] = applied(stock(Category.STORAGE_DENIED))
    assert service["spec"]["predictor"]["annotations"] == {RESTARTED_BY: "run-7"}


def test_new_pods_are_no_difference_to_the_next_deploy() -> None:
    """The next deploy would restart the model once more."""
    assert is_same(restarted(WANTED.service, run="run-7"), WANTED.service)


def test_a_service_that_loads_is_left_to_load() -> None:
    """A deploy that was killed and run again would begin six minutes of loading anew."""
    assert applied(stock(Category.STARTING)) == []


@pytest.mark.parametrize("held", [Stock(same=False, diagnosis=None), stock(Category.READY, same=False)])
def test_a_new_or_another_service_is_applied_as_it_is(held: Stock) -> None:
    """A first deploy would carry the traces of a restart."""
    assert applied(held) == [WANTED.service]


def test_what_is_ready_and_the_same_is_deployed() -> None:
    """A deploy of what serves would not be a no-op."""
    assert stock(Category.READY).is_deployed
    assert not stock(Category.READY, same=False).is_deployed
    assert not stock(Category.STARTING).is_deployed
    assert not Stock(same=False, diagnosis=None).is_deployed


LOST = LeaseLostError(key="leases/services/ns/m.json", reason="eager-crow took it over")
AWAY = ClusterUnavailableError(address="https://api", reason="refused")


@pytest.mark.parametrize(
    ("error", "touched", "landed", "unseen"),
    [
        (LOST, Touched.NO, False, False),
        (AWAY, Touched.NO, False, False),  # a fill that lost the API: nothing was changed
        (LOST, Touched.MAYBE, False, False),
        (LOST, Touched.MAYBE, True, True),  # an earlier attempt changed it, and its answer was lost
        (AWAY, Touched.MAYBE, False, True),
        (AWAY, Touched.YES, True, True),
        (LOST, Touched.YES, True, False),
    ],
)
def test_only_a_failure_that_was_seen_is_gone_back_from(
    error: Exception, touched: Touched, landed: bool, unseen: bool
) -> None:
    """A service that loads well would be replaced, or one that was changed be called untouched."""
    assert is_unseen(error, touched=touched, landed=lambda: landed) is unseen


@pytest.mark.parametrize("held", [Stock(same=False, diagnosis=None), stock(Category.STORAGE_DENIED)])
def test_a_change_is_found_though_its_answer_was_lost(held: Stock) -> None:
    """Also of new pods, whose manifest differs in nothing else."""
    fake = FakeCluster()
    look = partial(was_applied, as_cluster(fake), wanted=WANTED, stock=held, run="run-7")
    fake.applied = [WANTED.service if held.same else OLDER]
    assert not look()
    apply_objects(as_cluster(fake), wanted=WANTED, stock=held, run="run-7", say=lambda _: None)
    assert look()
    fake.away = True
    assert is_unseen(LOST, touched=Touched.MAYBE, landed=look)


def bring_back(fake: FakeCluster, served: ServedRecord | None, *, lost: bool = False) -> Restoration:
    """Bring back what served last after the wanted service failed."""

    def confirm() -> None:
        if lost:
            raise LOST

    return restore(
        served, failed=WANTED.service, model="quantized", cluster=as_cluster(fake), confirm=confirm,
        timeout_seconds=10, say=lambda _: None,
    )  # fmt: skip


def test_what_served_last_is_applied_again() -> None:
    """A failed deploy would leave nothing that answers."""
    fake = FakeCluster()
    outcome = bring_back(fake, SERVED)
    assert (outcome.restored, fake.applied) == (True, [OLDER])
    assert outcome.sentence == "older (manifest 111111111111, served yesterday) serves again"


def test_nothing_is_brought_back_where_nothing_served() -> None:
    """A user would be told of a version that there never was."""
    outcome = bring_back(FakeCluster(), None)
    assert "Nothing served as private-ai-demo/mistral-24b-quantized before" in outcome.sentence
    assert "prefect deployment run remove/quantized --watch" in outcome.sentence


def test_the_same_manifest_is_not_a_way_back() -> None:
    """A rollback to what just failed would wait for it once more."""
    fake = FakeCluster()
    outcome = bring_back(fake, SERVED.model_copy(update={"service": copy.deepcopy(WANTED.service)}))
    assert (outcome.restored, fake.applied) == (False, [])


@pytest.mark.parametrize("lost", [True, False])
def test_a_rollback_that_fails_is_told_and_hides_nothing(lost: bool) -> None:
    """Its error would stand in place of the diagnosis that a user needs."""
    outcome = bring_back(FakeCluster(away=not lost), SERVED, lost=lost)
    assert not outcome.restored
    assert "could not be brought back" in outcome.sentence


def room(*pods: Json, spec: ModelSpec = SPEC, **settings: bool) -> str:
    """Ask for room with the rights of the flows' role, which sees no pods of other namespaces."""
    return cluster_checks.room(spec, cluster=as_cluster(FakeCluster(pods=pods)), environment=Settings(**settings))  # type: ignore[arg-type]  # one field of them


def test_room_is_found_without_seeing_other_namespaces() -> None:
    """The flows' role may not list all pods: every deploy would be refused."""
    assert room() == "1/1 nodes have 1 GPU for it: gpu"


def test_the_services_own_pods_make_room() -> None:
    """A new version of a model that serves would find its GPU taken, by itself."""
    own = copy.deepcopy(POD)
    own["metadata"]["labels"] = {"serving.kserve.io/inferenceservice": "mistral-24b-quantized"}
    assert room(own).startswith("1/1 nodes")


@pytest.mark.parametrize("change", [{"deployment_mode": "Serverless"}, {"deployment_strategy": "RollingUpdate"}])
def test_pods_that_go_last_make_no_room(change: dict[str, str]) -> None:
    """The new revision would wait for a GPU that the old one gives up only when the new one is ready."""
    own = copy.deepcopy(POD)
    own["metadata"] |= {
        "name": "mistral-24b-quantized-predictor-00001-deployment-7d9f",
        "labels": {"serving.kserve.io/inferenceservice": "mistral-24b-quantized"},
    }
    twice = SPEC.model_copy(update={"serving": SPEC.serving.model_copy(update=change)})
    with pytest.raises(NoRoomError, match="Take it down first: prefect deployment run remove/quantized --watch"):
        room(own, spec=twice)


def may_deploy(*, monitors: bool) -> str:
    """Ask for the rights of a deploy as an account that may not touch monitors."""
    fake = FakeCluster(monitors=monitors, lacking="podmonitors")
    return cluster_checks.rights(SPEC, cluster=as_cluster(fake), environment=Settings())


def test_the_right_to_change_monitors_is_asked_for_where_they_are_served() -> None:
    """A deploy would be refused at its apply, after a volume was filled for ten minutes."""
    with pytest.raises(MissingRightsError, match=r"create podmonitors\.monitoring\.coreos\.com, patch podmonitors"):
        may_deploy(monitors=True)


def test_without_a_prometheus_operator_no_right_to_its_kinds_is_asked_for() -> None:
    """A cluster without monitoring could not be deployed to."""
    assert "models may be deployed" in may_deploy(monitors=False)


def test_gpus_of_others_are_no_room_unless_nodes_are_added() -> None:
    """A pod would hang in Pending, or a cluster that grows on demand could never be deployed to."""
    with pytest.raises(NoRoomError, match="held by private-ai-demo/notebook"):
        room(POD)
    assert room(POD, nodes_scale=True).endswith("a node is expected to be added")


def test_a_service_of_another_model_is_refused_by_name() -> None:
    """Two catalog entries with one name would serve each other's weights."""
    theirs = copy.deepcopy(WANTED.service)
    theirs["metadata"]["labels"]["slipway.dev/model"] = "full"
    with pytest.raises(NameTakenError, match="belongs to the model full"):
        cluster_checks.refuse_other_owner(theirs, spec=SPEC)
