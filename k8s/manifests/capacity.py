"""How many sequences of the longest length a model's KV cache holds, before anything is scheduled: pure.

vLLM sets memory aside by `budget = gpu-memory-utilization x the GPU's memory`, loads its share of the weights, runs one
step to see what activations take, and makes a KV cache of what is left. It refuses to start if one sequence of
max-model-len does not fit into that, and logs the number of sequences that do as "Maximum concurrency". The sizes:

- A token takes 2 (key and value) x layers x KV heads x head_dim x bytes of the type: 160 KiB for 40 layers, 8 heads of
  128 and 16 bits, so 1.25 GiB for 8,192 tokens. Over tensor-parallel GPUs the KV heads are divided (each GPU keeps one
  at least), and so are the weights.
- The engine takes 1.2 GiB of each GPU besides: one L4 (24 GB, 22.35 GiB) at 0.90 has a budget of 20.1 GiB, and with
  weights of 14 GB on disk (13.0 GiB) it is known to leave 5 to 6 GiB, 32,000 to 38,000 tokens. The estimate takes the
  better end: what is refused here surely does not start, and what is close to it the engine decides itself.
- Blocks hold 16 tokens, and a block that is not whole holds none.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from deployments.spec import ModelSpec
from deployments.spec.section import quantity_value
from deployments.spec.vllm import read_arguments
from k8s.manifests.errors import CapacityError

GIB = 2**30
ENGINE_BYTES = int(1.2 * GIB)
"""Memory of one GPU that is neither the files' bytes nor KV cache: activations, padding and the engine's own."""

_BLOCK_TOKENS = 16
_DEFAULT_UTILIZATION = 0.9  # vLLM's own
_CPU_PROCESS_BYTES = 1 * GIB  # Python and torch, before the weights


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a model's KV cache holds, over all its GPUs.

    Attributes:
        model: the catalog key.
        free_gib: GiB for the KV cache, of one GPU.
        tokens: tokens in flight at once.
        max_model_len: tokens of one sequence at most.
        max_num_seqs: sequences that the engine batches at most.
    """

    model: str
    free_gib: float
    tokens: int
    max_model_len: int
    max_num_seqs: int

    @property
    def full_sequences(self) -> int:
        """Sequences of the longest length that fit at once, and that the engine would batch."""
        return min(self.tokens // self.max_model_len, self.max_num_seqs)

    @property
    def queues_at(self) -> int | None:
        """The concurrency at which full contexts begin to queue; None if the whole batch fits."""
        return None if self.full_sequences == self.max_num_seqs else self.full_sequences + 1

    @property
    def batch_tokens(self) -> int:
        """Tokens that each sequence of a full batch may have with none queueing."""
        return min(self.tokens // self.max_num_seqs, self.max_model_len)

    @property
    def sentence(self) -> str:
        """One sentence for the preflight's table."""
        held = (
            f"about {self.tokens:,} tokens in flight ({self.free_gib:.1f} GiB of KV cache a device): "
            f"{self.full_sequences} full {_plural(self.full_sequences, 'context')} of {self.max_model_len:,}"
        )
        if self.queues_at is None:
            return f"{held}, the whole batch"
        return (
            f"{held}; from concurrency {self.queues_at} on full contexts queue, "
            f"a full batch of {self.max_num_seqs} has {self.batch_tokens:,} tokens each"
        )


def capacity(spec: ModelSpec, *, weights_bytes: int | None = None) -> Capacity:
    """Return what the model's KV cache will hold.

    Args:
        spec: the model.
        weights_bytes: size of the imported weights, which the manifest knows; None takes the catalog's estimate.

    Raises:
        CapacityError: one sequence of the longest length does not fit.
    """
    weights = weights_bytes if weights_bytes is not None else int(spec.approximate_weights_gb * 10**9)
    a_token = _token_bytes(spec)
    free = _free_on_gpu(spec, weights) if spec.serving.gpus.count else _free_on_cpu(spec, weights)
    tokens = max(0, free) // (a_token * _BLOCK_TOKENS) * _BLOCK_TOKENS
    wanted = spec.serving.max_model_len
    if tokens < wanted:
        raise CapacityError(
            model=spec.key,
            wanted=wanted,
            needed_gib=wanted * a_token / GIB,
            free_gib=free / GIB,
            longest=tokens,
            on_gpus=spec.serving.gpus.count > 0,
        )
    return Capacity(
        model=spec.key,
        free_gib=free / GIB,
        tokens=tokens,
        max_model_len=wanted,
        max_num_seqs=spec.serving.max_num_seqs,
    )


def cpu_kv_cache_gib(spec: ModelSpec) -> int:
    """Return the GiB of KV cache that a model without GPUs is told to take.

    It holds the full batch of full contexts, unless the pod's memory has less beside the weights; at least one.
    """
    full_batch = spec.serving.max_num_seqs * spec.serving.max_model_len * _token_bytes(spec)
    room = _room_in_pod(spec, int(spec.approximate_weights_gb * 10**9))
    return max(1, min(math.ceil(full_batch / GIB), room // GIB))


def _token_bytes(spec: ModelSpec) -> int:
    """Bytes that one token takes on each GPU."""
    identity = spec.identity
    heads_here = math.ceil(identity.kv_heads / spec.serving.tensor_parallel_size)
    cache_type = read_arguments(spec.serving.vllm_args).get("kv-cache-dtype") or "auto"
    one_byte_each = 2 * identity.layers * identity.kv_heads * identity.head_dim
    whole = one_byte_each if cache_type.startswith("fp8") else identity.kv_cache_bytes_per_token
    return whole * heads_here // identity.kv_heads


def _free_on_gpu(spec: ModelSpec, weights: int) -> int:
    given = read_arguments(spec.serving.vllm_args).get("gpu-memory-utilization")
    utilization = float(given) if given is not None else _DEFAULT_UTILIZATION
    budget = int(utilization * spec.serving.gpus.memory_gb * 10**9)
    return budget - math.ceil(weights / spec.serving.tensor_parallel_size) - ENGINE_BYTES


def _free_on_cpu(spec: ModelSpec, weights: int) -> int:
    return min(cpu_kv_cache_gib(spec) * GIB, _room_in_pod(spec, weights))


def _room_in_pod(spec: ModelSpec, weights: int) -> int:
    limit = spec.serving.resources.limits.get("memory")
    if limit is None:
        return sys.maxsize
    return int(quantity_value(limit)) - weights - _CPU_PROCESS_BYTES


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
