"""How a model is served: the InferenceService, its node, its resources and the engine's arguments."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from deployments.spec.section import Count, DnsLabel, Positive, Quantity, Section, Text, problem, quantity_value
from deployments.spec.vllm import read_arguments, whole_number

GPU_PRODUCT_LABEL = "nvidia.com/gpu.product"
INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type"

# GPUs are not listed here: requests and limits of them are both `gpus.count`.
Amounts = dict[Literal["cpu", "memory", "ephemeral-storage"], Quantity]


class Gpus(Section):
    """The GPUs of one replica.

    Attributes:
        count: GPUs of one pod, requested and limited; 0 only where the engine's CPU build serves a replica.
        memory_gb: nominal memory of one GPU in GB (10^9 bytes).
        bandwidth_gb_per_second: memory bandwidth of one GPU; it bounds decoding, because a step reads all weights.
    """

    count: Annotated[int, Field(strict=True, ge=0)]
    memory_gb: Positive
    bandwidth_gb_per_second: Positive


class Toleration(Section):
    """A Kubernetes toleration."""

    key: Text
    operator: Literal["Exists", "Equal"]
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Resources(Section):
    """What the predictor's pod asks for and may take, without its GPUs."""

    requests: Amounts
    limits: Amounts

    @model_validator(mode="after")
    def _requests_fit_limits(self) -> Self:
        for name, limit in self.limits.items():
            request = self.requests.get(name, limit)
            if quantity_value(request) > quantity_value(limit):
                raise problem(
                    f"{request} is more than limits.{name}, which is {limit}; lower it", key=f"requests.{name}"
                )
        return self


class Mesh(Section):
    """The connection pool of the DestinationRule, used only where a service mesh is installed.

    Attributes:
        max_connections: TCP connections to the service.
        max_pending_requests: HTTP requests that may wait for one.
    """

    max_connections: Count
    max_pending_requests: Count


def _check_arguments(value: tuple[str, ...]) -> tuple[str, ...]:
    read = read_arguments(value)
    for name in ("max-model-len", "max-num-seqs"):
        whole_number(read, name)
    whole_number(read, "tensor-parallel-size", default=1)
    return value


class Serving(Section):
    """One InferenceService with a vLLM predictor.

    Attributes:
        inference_service: its name, which is also the model id that the engine answers to.
        deployment_mode: KServe's mode; in Serverless the queue proxy enforces `container_concurrency`, and the old
            revision goes only when the new one is ready, whatever `deployment_strategy` says.
        deployment_strategy: Recreate declares downtime; RollingUpdate needs twice the GPUs while it rolls.
        replicas: minReplicas and maxReplicas.
        gpus: the GPUs of one replica.
        node_selector: labels of the node; with GPUs both the product and the instance type.
        tolerations: taints that the pod accepts.
        resources: CPU, memory and ephemeral storage.
        shared_memory: size of the memory volume at /dev/shm, which tensor parallelism talks through.
        vllm_args: the engine's arguments in order, after those that the ServingRuntime sets.
        container_concurrency: requests in flight; equals `--max-num-seqs`.
        load_seconds: about how long the engine takes from its start to its first answer.
        mesh: limits for a service mesh; None where there is none to set.
    """

    inference_service: DnsLabel
    deployment_mode: Literal["Standard", "Serverless"] = "Standard"
    deployment_strategy: Literal["Recreate", "RollingUpdate"] = "Recreate"
    replicas: Count = 1
    gpus: Gpus
    node_selector: dict[str, str]
    tolerations: tuple[Toleration, ...] = ()
    resources: Resources
    shared_memory: Quantity
    vllm_args: Annotated[tuple[str, ...], AfterValidator(_check_arguments)]
    container_concurrency: Count
    load_seconds: Count
    mesh: Mesh | None = None

    @property
    def frees_first(self) -> bool:
        """Whether a change ends the old pods before new ones come, so that what those hold is free for these."""
        return self.deployment_mode == "Standard" and self.deployment_strategy == "Recreate"

    @property
    def max_num_seqs(self) -> int:
        """Sequences that the engine batches at most."""
        return whole_number(read_arguments(self.vllm_args), "max-num-seqs")

    @property
    def max_model_len(self) -> int:
        """Tokens of one sequence at most, prompt and output together."""
        return whole_number(read_arguments(self.vllm_args), "max-model-len")

    @property
    def tensor_parallel_size(self) -> int:
        """GPUs over which each layer is split; 1 where the argument is absent."""
        return whole_number(read_arguments(self.vllm_args), "tensor-parallel-size", default=1)

    @property
    def gpu_product(self) -> str | None:
        """The GPU product that the node must have; None for a replica without a GPU."""
        return self.node_selector.get(GPU_PRODUCT_LABEL)

    @model_validator(mode="after")
    def _concurrency_is_batch_size(self) -> Self:
        # The old full model let 32 requests in over a batch of 24: eight of them only queued.
        if self.container_concurrency != self.max_num_seqs:
            raise problem(
                f"{self.container_concurrency} is not --max-num-seqs, which is {self.max_num_seqs}; make them equal",
                key="container_concurrency",
            )
        return self

    @model_validator(mode="after")
    def _parallel_over_all_gpus(self) -> Self:
        if self.tensor_parallel_size != max(self.gpus.count, 1):
            raise problem(
                f"--tensor-parallel-size={self.tensor_parallel_size} does not use the {self.gpus.count} GPUs of "
                f"gpus.count; write --tensor-parallel-size={max(self.gpus.count, 1)}",
                key="vllm_args",
            )
        return self

    @model_validator(mode="after")
    def _node_is_named(self) -> Self:
        # A selector of the product alone once put the one-GPU pod onto the four-GPU node.
        missing = [label for label in (GPU_PRODUCT_LABEL, INSTANCE_TYPE_LABEL) if label not in self.node_selector]
        if self.gpus.count and missing:
            raise problem(f"a model with GPUs names its node; add {' and '.join(missing)}", key="node_selector")
        return self
