"""The controller of InferenceServices: makes what each becomes, and tells in its status how that does."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from sandbox.kserve import status
from sandbox.kserve.errors import InvalidServiceError, ModeRejectedError
from sandbox.kserve.names import FINALIZER, MODE_ANNOTATION, SERVICE_LABEL, STOP_ANNOTATION, is_valid, predictor_name
from sandbox.kserve.rendering import Rendered, render
from sandbox.kserve.runtimes import select
from sandbox.kserve.storage import is_for_s3, storage
from sandbox.kube.client import Client
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, controller_of, dig, key_of, labels_of, name_of, namespace_of, uid_of
from sandbox.kube.patch import merge

_log = logging.getLogger(__name__)
_STANDARD = frozenset({"", "Standard", "RawDeployment"})
_NOT_FOUND = 404
_SECRET_SECONDS = 2.0  # a Secret is not watched: without one, it is looked for again


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs from cluster to cluster.

    Attributes:
        initializer_image: the image of the storage initializer.
        node_address: the address under which node ports are reached; services get cluster addresses without one.
    """

    initializer_image: str
    node_address: str = ""


class InferenceServiceController:
    """Follows InferenceServices, ServingRuntimes, Deployments and pods."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        *,
        services: Informer,
        runtimes: Informer,
        deployments: Informer,
        pods: Informer,
    ) -> None:
        self._client, self._settings = client, settings
        self._services, self._runtimes, self._deployments, self._pods = services, runtimes, deployments, pods
        self._loop = Controller("inferenceservices", self._reconcile)
        self._applied: dict[str, tuple[Rendered, Object, Object]] = {}  # by uid: wanted, and as the server took it
        services.listen(self._service_changed)
        runtimes.listen(self._runtime_changed)
        deployments.listen(self._part_changed)
        pods.listen(self._part_changed)

    async def run(self) -> None:
        """Control until cancelled."""
        informers = (self._services, self._runtimes, self._deployments, self._pods)
        await asyncio.gather(*(informer.synced.wait() for informer in informers))
        await self._loop.run()

    def _service_changed(self, service: Object, gone: bool) -> None:
        if gone:
            self._applied.pop(uid_of(service), None)
        else:
            self._loop.add(key_of(service))

    def _runtime_changed(self, runtime: Object, _: bool) -> None:
        for key in self._services.objects:
            if key[0] == namespace_of(runtime):
                self._loop.add(key)

    def _part_changed(self, part: Object, _: bool) -> None:
        if name := labels_of(part).get(SERVICE_LABEL):
            self._loop.add((namespace_of(part), name))

    async def _reconcile(self, key: Key) -> float | None:
        service = self._services.objects.get(key)
        if service is None:
            return None
        if dig(service, "metadata.deletionTimestamp"):
            await self._finalize(service)
            return None
        if FINALIZER not in (dig(service, "metadata.finalizers") or []):
            finalizers = [*(dig(service, "metadata.finalizers") or []), FINALIZER]
            version = service["metadata"]["resourceVersion"]
            service = await self._client.patch(
                service, {"metadata": {"finalizers": finalizers, "resourceVersion": version}}
            )
            self._services.objects[key] = service
        if (dig(service, "metadata.annotations") or {}).get(STOP_ANNOTATION) == "true":
            await self._stop(service)
            return None
        try:
            return await self._serve(service)
        except (InvalidServiceError, ModeRejectedError) as error:
            await self._refuse(service, error)
            return None

    async def _serve(self, service: Object) -> float | None:
        mode = (dig(service, "metadata.annotations") or {}).get(MODE_ANNOTATION, "")
        if mode not in _STANDARD:
            raise ModeRejectedError(name=name_of(service), mode=mode)
        if not is_valid(name_of(service)):
            raise InvalidServiceError(
                f'the InferenceService "{name_of(service)}" is invalid: a name must consist of lower case letters, '
                "digits and '-', start with a letter, end with a letter or digit, and have at most 53 characters"
            )
        namespace = namespace_of(service)
        runtime = select(service, [each for key, each in self._runtimes.objects.items() if key[0] == namespace])
        uri: str = dig(service, "spec.predictor.model.storageUri") or ""
        secret = await self._secret(service) if uri.startswith("s3:") else None
        weights = storage(uri, image=self._settings.initializer_image, secret=secret)
        wanted = render(service, runtime, weights, node_ports=bool(self._settings.node_address))
        exposed = await self._apply(service, wanted)
        await self._tell(
            service,
            status.served(
                service,
                deployment=self._deployments.objects.get(key_of(wanted.deployment)),
                pods=self._pods_of(service),
                url=self._url(service, exposed),
                runtime=name_of(runtime),
            ),
        )
        return _SECRET_SECONDS if secret is None and uri.startswith("s3:") else None

    async def _apply(self, service: Object, wanted: Rendered) -> Object:
        """Apply what is not applied yet, or was changed by somebody else; return the Service as the server has it."""
        key, held = key_of(wanted.deployment), self._applied.get(uid_of(service))
        live = self._deployments.objects.get(key)
        if held is not None and held[0] == wanted and live is not None:
            unchanged = dig(live, "metadata.generation") == dig(held[1], "metadata.generation")
            if unchanged:
                return held[2]
        deployment = await self._client.apply(wanted.deployment)
        exposed = await self._client.apply(wanted.service)
        self._applied[uid_of(service)] = (wanted, deployment, exposed)
        self._deployments.objects[key] = deployment
        if held is None and live is None:
            message = f"Created Deployment and Service {name_of(deployment)}"
            await self._client.event(service, reason="Created", message=message)
        return exposed

    async def _secret(self, service: Object) -> Object | None:
        """Return the Secret of the service account that has keys for S3; None if there is none yet."""
        namespace = namespace_of(service)
        name = dig(service, "spec.predictor.serviceAccountName") or "default"
        account = await self._read(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        for reference in (account or {}).get("secrets") or []:
            secret = await self._read(f"/api/v1/namespaces/{namespace}/secrets/{reference['name']}")
            if secret is not None and is_for_s3(secret):
                return secret
        return None

    async def _read(self, path: str) -> Object | None:
        try:
            return await self._client.request("GET", path)
        except ApiError as error:
            if error.code != _NOT_FOUND:
                raise
            return None

    def _pods_of(self, service: Object) -> list[Object]:
        return [
            pod
            for key, pod in self._pods.objects.items()
            if key[0] == namespace_of(service)
            and labels_of(pod).get(SERVICE_LABEL) == name_of(service)
            and not dig(pod, "metadata.deletionTimestamp")
        ]

    def _url(self, service: Object, exposed: Object) -> str:
        if self._settings.node_address:
            return f"http://{self._settings.node_address}:{exposed['spec']['ports'][0]['nodePort']}"
        return f"http://{predictor_name(service)}.{namespace_of(service)}.svc.cluster.local"

    async def _refuse(self, service: Object, error: InvalidServiceError | ModeRejectedError) -> None:
        told = status.refused(service, error)
        if await self._tell(service, told):
            reason = "ServerlessModeRejected" if isinstance(error, ModeRejectedError) else "InternalError"
            message = str(error) if reason != "InternalError" else f"fails to reconcile predictor: {error}"
            await self._client.event(service, reason=reason, message=message, kind="Warning")

    async def _stop(self, service: Object) -> None:
        await self._delete_deployment(service)
        self._applied.pop(uid_of(service), None)
        await self._tell(service, status.stopped(service))

    async def _tell(self, service: Object, told: Object) -> bool:
        """Write the status if it differs, and an event when the service becomes ready or ceases to be."""
        held = service.get("status") or {}
        if merge(held, told) == held:
            return False
        before, after = _ready(held), _ready(told)
        self._services.objects[key_of(service)] = await self._client.patch_status(service, told)
        if after == "True" != before:
            message = f"InferenceService [{name_of(service)}] is Ready"
            await self._client.event(service, reason="InferenceServiceReady", message=message)
        elif before == "True" != after:
            message = f"InferenceService [{name_of(service)}] is no longer Ready"
            await self._client.event(service, reason="InferenceServiceNotReady", message=message, kind="Warning")
        return True

    async def _finalize(self, service: Object) -> None:
        """Take down what was made, then let the InferenceService go; its other parts go as its dependents."""
        finalizers = dig(service, "metadata.finalizers") or []
        if FINALIZER not in finalizers:
            return
        await self._delete_deployment(service)
        left = [each for each in finalizers if each != FINALIZER]
        try:
            await self._client.patch(service, {"metadata": {"finalizers": left}})
        except ApiError as error:
            if error.code != _NOT_FOUND:
                raise

    async def _delete_deployment(self, service: Object) -> None:
        deployment = self._deployments.objects.get((namespace_of(service), predictor_name(service)))
        if deployment is not None and (controller_of(deployment) or {}).get("uid") == uid_of(service):
            await self._client.delete(deployment, propagationPolicy="Background")


def _ready(status_: Object) -> str:
    conditions = status_.get("conditions") or []
    return next((str(entry["status"]) for entry in conditions if entry["type"] == status.READY), "")
