"""A pod's status from the states of its containers: phase and conditions, as a pure function."""

from sandbox.kube.objects import Object, dig, now

LOST = "ContainerStatusUnknown"  # the reason of a container whose kubelet died


def restarts(policy: str, exit_code: int) -> bool:
    """Tell whether a container that ended so is started again."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def phase(pod: Object, inits: list[Object], mains: list[Object]) -> str:
    """Return the pod's phase from its container statuses."""
    policy = pod["spec"]["restartPolicy"]
    init_policy = "OnFailure" if policy == "Always" else policy
    codes = [_final_code(status, init_policy) for status in inits]
    if any(codes):
        return "Failed"
    if len(codes) > codes.count(0):
        return "Pending"
    codes = [_final_code(status, policy) for status in mains]
    if None not in codes:
        return "Failed" if any(codes) else "Succeeded"
    begun = any("waiting" not in status["state"] or status.get("lastState") for status in mains)
    return "Running" if begun else "Pending"


def pod_status(pod: Object, inits: list[Object], mains: list[Object]) -> Object:
    """Return the whole status; what has not changed keeps its times."""
    held: Object = pod.get("status") or {}
    now_phase = phase(pod, inits, mains)
    done = now_phase in {"Succeeded", "Failed"}
    initialized = all(dig(status, "state.terminated.exitCode") == 0 for status in inits)
    ready = not done and all(status["ready"] for status in mains)
    names = [status["name"] for status in mains if not status["ready"]]
    unready = (
        ("PodCompleted", "")
        if now_phase == "Succeeded"
        else ("ContainersNotReady", f"containers with unready status: {names}")
    )
    wanted = {
        "PodScheduled": (True, "", ""),
        "Initialized": (initialized, "" if initialized else "ContainersNotInitialized", ""),
        "ContainersReady": (ready, *(("", "") if ready else unready)),
        "Ready": (ready, *(("", "") if ready else unready)),
    }
    status: Object = {
        "phase": now_phase,
        "conditions": [_condition(held, kind, *said) for kind, said in wanted.items()],
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": held.get("startTime") or now(),
        "containerStatuses": mains,
        "qosClass": "BestEffort",
    }
    return status | ({"initContainerStatuses": inits} if inits else {})


def _final_code(status: Object, policy: str) -> int | None:
    ended = status["state"].get("terminated")
    if ended is None or restarts(policy, ended["exitCode"]):
        return None
    return int(ended["exitCode"])


def _condition(held: Object, kind: str, is_true: bool, reason: str, message: str) -> Object:
    truth = "True" if is_true else "False"
    old: Object = next((entry for entry in held.get("conditions") or [] if entry["type"] == kind), {})
    since = old.get("lastTransitionTime") if old.get("status") == truth else None
    entry = {"type": kind, "status": truth, "lastProbeTime": None, "lastTransitionTime": since or now()}
    return entry | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})
