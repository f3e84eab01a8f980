"""Puts a model's objects onto the cluster, and finds out whether they are there already."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows.deploy_model.cluster_checks import SERVICE_API, SERVICE_KIND
from flows.deploy_model.standing import is_same
from flows.deploy_model.wanted import Wanted
from k8s.cluster import Cluster
from k8s.diagnosis import HEALTHY, Category, Diagnosis
from k8s.errors import UnknownKindError
from k8s.fields import SERVICE_LABEL
from k8s.status import diagnose_inference_service

RESTARTED_BY = "slipway.dev/restarted-by"
"""On the pods of a service that failed and was deployed again as it was: the flow run that made them anew."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What the cluster holds of a service before a deploy.

    Attributes:
        same: whether it is the wanted manifest already.
        diagnosis: how it is doing; None if there is none.
    """

    same: bool
    diagnosis: Diagnosis | None

    @property
    def is_deployed(self) -> bool:
        """Whether there is nothing to do."""
        return self.same and self.diagnosis is not None and self.diagnosis.category is Category.READY

    @property
    def is_stuck(self) -> bool:
        """Whether applying the same manifest again would change nothing, and waiting would not help."""
        return self.same and self.diagnosis is not None and self.diagnosis.category not in HEALTHY

    @property
    def keeps_pods(self) -> bool:
        """Whether its pods serve, or come to serve, what is wanted: applying changes nothing."""
        return self.same and not self.is_stuck

    def sentence(self) -> str:
        """Tell it in one line."""
        if self.diagnosis is None:
            return "is not there yet"
        if self.is_deployed:
            return "is deployed already: nothing to apply"
        return f"is there, {'as' if self.same else 'not as'} it shall be: {self.diagnosis.sentence}"


def look_at_service(cluster: Cluster, *, wanted: Wanted) -> Stock:
    """Compare the wanted service with what the cluster holds."""
    name, namespace = wanted.service["metadata"]["name"], wanted.service["metadata"]["namespace"]
    live = cluster.get(SERVICE_API, SERVICE_KIND, name, namespace=namespace)
    if live is None:
        return Stock(same=False, diagnosis=None)
    ours = f"{SERVICE_LABEL}={name}"
    diagnosis = diagnose_inference_service(
        live,
        deployments=cluster.objects("apps/v1", "Deployment", namespace=namespace, labels=ours),
        pods=cluster.objects("v1", "Pod", namespace=namespace, labels=ours),
        events=cluster.objects("v1", "Event", namespace=namespace),
    )
    return Stock(same=is_same(live, wanted.service), diagnosis=diagnosis)


def apply_objects(cluster: Cluster, *, wanted: Wanted, stock: Stock, run: str, say: Callable[[str], None]) -> None:
    """Apply what a deploy changes, the service last: what is refused before it leaves what serves as it was.

    Args:
        cluster: the cluster.
        wanted: what to apply.
        stock: what was there.
        run: the flow run at work; it names the restart of a service that is stuck.
        say: told what was applied.

    Raises:
        ConflictError: another field manager holds one of our fields; the service is as it was.
        AdmissionError: a quota or a webhook refuses the service; it is as it was.
    """
    try:
        cluster.apply(wanted.monitor)
        say(f"applied {wanted.monitor['kind']} {wanted.monitor['metadata']['name']}")
    except UnknownKindError:
        say("there is no Prometheus operator: vLLM's metrics are not collected")
    name = wanted.service["metadata"]["name"]
    service = _changed(wanted, stock=stock, run=run)
    if service is None:
        # An earlier run was killed while this one's pods load; what it may have added to them is not taken away.
        say(f"InferenceService {name} is applied already")
        return
    cluster.apply(service)
    say(f"applied InferenceService {name}{', with new pods' if stock.is_stuck else ''}")


def was_applied(cluster: Cluster, *, wanted: Wanted, stock: Stock, run: str) -> bool:
    """Ask the cluster whether an apply that failed has changed the service: its answer may have been lost."""
    service = _changed(wanted, stock=stock, run=run)
    if service is None:
        return False
    metadata = service["metadata"]
    return is_same(cluster.get(SERVICE_API, SERVICE_KIND, metadata["name"], namespace=metadata["namespace"]), service)


def _changed(wanted: Wanted, *, stock: Stock, run: str) -> Json | None:
    """The service as it is applied; None where nothing is to change."""
    if stock.is_stuck:
        return restarted(wanted.service, run=run)
    return None if stock.same else wanted.service


def restarted(service: Json, *, run: str) -> Json:
    """Return a service whose pods are made anew, as `kubectl rollout restart` does it.

    A pod that failed for a reason outside of it (a wrong key in a Secret) would go on with its pauses, and the next
    wait would find the old failure.
    """
    anew = copy.deepcopy(service)
    anew["spec"]["predictor"]["annotations"] = {RESTARTED_BY: run}
    return anew
