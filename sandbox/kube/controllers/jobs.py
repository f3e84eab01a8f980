"""The Job controller: pods for Jobs, conditions from how the pods end."""

import asyncio
import copy
import secrets
import time

from sandbox.kube.client import Client
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.controllers.job_status import FINISHED, Counts, Step, condition_of, next_step
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, controller_of, dig, key_of, name_of, namespace_of, uid_of

_ENDED = frozenset({"Succeeded", "Failed"})
_LONGEST_BASE = 57  # a pod's name is the Job's, cut so that a dash and five letters fit into 63


class _Outcomes:
    """How the pods of one Job ended, also of pods that are gone by now."""

    def __init__(self, job: Object, pods: list[Object]) -> None:
        self.ended: dict[str, str] = {}
        self.last_failure: float | None = None
        present = [dig(pod, "status.phase") for pod in pods]
        self.before = {
            phase: max(0, (dig(job, f"status.{phase.lower()}") or 0) - present.count(phase)) for phase in _ENDED
        }

    def note(self, pod: Object, phase: str) -> None:
        """Count a pod once."""
        if uid_of(pod) not in self.ended:
            self.ended[uid_of(pod)] = phase
            if phase == "Failed":
                self.last_failure = time.monotonic()

    def total(self, phase: str) -> int:
        """Return how many pods ended so, since the Job began."""
        return self.before[phase] + list(self.ended.values()).count(phase)


class JobController:
    """Keeps every Job supplied with pods until it is complete or failed."""

    def __init__(self, client: Client, *, jobs: Informer, pods: Informer) -> None:
        self._client, self._jobs, self._pods = client, jobs, pods
        self._loop = Controller("jobs", self._reconcile)
        self._awaited: dict[Key, str] = {}  # pods that were created and not yet seen, and their Job's uid
        self._outcomes: dict[str, _Outcomes] = {}  # by the Job's uid
        jobs.listen(self._job_changed)
        pods.listen(self._pod_changed)

    async def run(self) -> None:
        """Control until cancelled."""
        await asyncio.gather(self._jobs.synced.wait(), self._pods.synced.wait())
        await self._loop.run()

    def _job_changed(self, job: Object, gone: bool) -> None:
        if gone:
            self._outcomes.pop(uid_of(job), None)
        else:
            self._loop.add(key_of(job))

    def _pod_changed(self, pod: Object, gone: bool) -> None:
        self._awaited.pop(key_of(pod), None)
        owner = controller_of(pod)
        if not owner or owner["kind"] != "Job":
            return
        phase = dig(pod, "status.phase")
        outcomes = self._outcomes.get(owner["uid"])
        if outcomes and (gone or phase in _ENDED):
            outcomes.note(pod, phase if phase in _ENDED else "Failed")
        self._loop.add((namespace_of(pod), owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        job = self._jobs.objects.get(key)
        if job is None or dig(job, "metadata.deletionTimestamp") or condition_of(job, FINISHED):
            return None
        pods = [pod for pod in self._pods.objects.values() if (controller_of(pod) or {}).get("uid") == uid_of(job)]
        if uid_of(job) in self._awaited.values():
            return None  # the pod's arrival queues the Job again
        step = next_step(job, self._count(job, pods))
        for pod in step.end:
            if job["spec"].get("suspend"):
                self._outcomes[uid_of(job)].note(pod, "Suspended")
            await self._client.delete(pod)
        await self._write(job, step)
        for _ in range(step.create):
            await self._create_pod(job)
        return step.again

    def _count(self, job: Object, pods: list[Object]) -> Counts:
        outcomes = self._outcomes.setdefault(uid_of(job), _Outcomes(job, pods))
        for pod in pods:
            if dig(pod, "status.phase") in _ENDED:
                outcomes.note(pod, dig(pod, "status.phase"))
        alive = [p for p in pods if dig(p, "status.phase") not in _ENDED and not dig(p, "metadata.deletionTimestamp")]
        last = outcomes.last_failure
        return Counts(
            active=alive,
            succeeded=outcomes.total("Succeeded"),
            failed=outcomes.total("Failed"),
            last_failure=None if last is None else time.monotonic() - last,
        )

    async def _write(self, job: Object, step: Step) -> None:
        status = step.status | {"active": step.status["active"] + step.create}
        if status != (job.get("status") or {}):
            self._jobs.objects[key_of(job)] = await self._client.patch_status(job, status)
        if ended := condition_of({"status": status}, FINISHED):
            kind = "Normal" if ended["type"] == "Complete" else "Warning"
            reason = "Completed" if kind == "Normal" else ended["reason"]
            told = "Job completed" if kind == "Normal" else ended["message"]
            await self._client.event(job, reason=reason, message=told, kind=kind)

    async def _create_pod(self, job: Object) -> None:
        template = copy.deepcopy(job["spec"]["template"])
        name = f"{name_of(job)[:_LONGEST_BASE]}-{secrets.token_hex(3)[:5]}"
        owner = {
            "apiVersion": job["apiVersion"],
            "kind": "Job",
            "name": name_of(job),
            "uid": uid_of(job),
            "controller": True,
            "blockOwnerDeletion": True,
        }
        meta = {
            **template.get("metadata", {}),
            "name": name,
            "generateName": f"{name_of(job)}-",
            "namespace": namespace_of(job),
            "ownerReferences": [owner],
        }
        self._awaited[namespace_of(job), name] = uid_of(job)
        try:
            await self._client.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
        except BaseException as error:
            self._awaited.pop((namespace_of(job), name), None)
            if isinstance(error, ApiError):
                told = f"Error creating: {error.message}"
                await self._client.event(job, reason="FailedCreate", message=told, kind="Warning")
            raise
        await self._client.event(job, reason="SuccessfulCreate", message=f"Created pod: {name}")
