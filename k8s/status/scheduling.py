"""Why no node takes a pod, in the language of GPUs where it asks for them: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, model_key, namespace_flag
from k8s.gpus import PRODUCT, wanted_gpus
from k8s.placement import Demand, Placement, placement
from k8s.status.surroundings import Surroundings
from k8s.status.volumes import claim_trouble


def demand_of(pod: Manifest) -> Demand:
    """Return what a pod asks of a node."""
    spec = pod.get("spec", {})
    return Demand(
        gpus=wanted_gpus(pod), node_selector=spec.get("nodeSelector") or {}, tolerations=spec.get("tolerations") or ()
    )


def unschedulable(pod: Manifest, message: str, *, events: Sequence[Manifest], surroundings: Surroundings) -> Diagnosis:
    """Say why no node takes a pod.

    Args:
        pod: the pod.
        message: what the scheduler says.
        events: events of the namespace.
        surroundings: the GPUs and the claims.
    """
    if "ersistentvolumeclaim" in message.lower():
        return claim_trouble(pod, message=message, claims=surroundings.claims, events=events)
    demand = demand_of(pod)
    if surroundings.gpus is None or not (demand.gpus or demand.node_selector):
        return Diagnosis(
            category=Category.UNSCHEDULABLE,
            transient=False,
            sentence=f"no node can take the pod: {message or 'the scheduler gives no reason'}",
            next_action="Compare with what the nodes have: kubectl describe nodes",
        )
    place = placement(demand, surroundings.gpus)
    if place.free:
        return Diagnosis(
            category=Category.UNSCHEDULABLE,
            transient=False,
            sentence=f"no node can take the pod, though GPUs are not what is missing ({place.sentence}): {message}",
            next_action=f"Compare cpu, memory and disk with: kubectl describe node {place.free[0]}",
        )
    return Diagnosis(
        category=Category.UNSCHEDULABLE,
        transient=bool(place.taken),  # the end of what holds them frees them
        sentence=f"no node can take the pod: {place.sentence}",
        next_action=placement_action(place, demand, about=pod),
    )


def placement_action(place: Placement, demand: Demand, *, about: Manifest) -> str:
    """Name the command that helps where a pod or a model fits on no node, or the quota is full.

    Args:
        place: where it could go.
        demand: what it asks for.
        about: the pod or the model's own object.
    """
    if place.taken:
        return f"Take down what holds the GPUs, or wait: kubectl get pods -A -o wide | grep {place.taken[0].name}"
    if place.quota_full:
        describe = f"kubectl describe quota{namespace_flag(about)}"
        return f"See what uses the quota, then take a model down or raise it: {describe}"
    labels = ",".join(dict.fromkeys([PRODUCT, *demand.node_selector]))
    file = f"deployments/models/{model_key(about)}.yaml"
    return f"Add such a node, or change node_selector or tolerations in {file}; see all: kubectl get nodes -L {labels}"
