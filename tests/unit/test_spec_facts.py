"""The facts of the real models, as one table: what the platform's people agreed on."""

from __future__ import annotations

from typing import Any

import pytest

from deployments import catalog

MISTRAL = {
    "architecture": "MistralForCausalLM",
    "layers": 40,
    "hidden_size": 5120,
    "intermediate_size": 32768,
    "attention_heads": 32,
    "kv_heads": 8,
    "head_dim": 128,
    "vocab_size": 131072,
    "context_length": 32768,
    "parameters": 23_572_403_200,
    "dtype": "bfloat16",
}
TOOL_CALLING = [
    "--enable-chunked-prefill",
    "--enable-prefix-caching",
    "--enable-auto-tool-choice",
    "--tool-call-parser=mistral",
]
GPU_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "value": None, "effect": "NoSchedule"}

# Typed a second time on purpose: a slip in a YAML file must not pass as a change of plan.
FACTS: dict[str, dict[str, Any]] = {
    "quantized": {
        "repo": "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16",
        "revision": "main",
        "gated": False,
        "identity": {
            **MISTRAL,
            "quantization": {
                "method": "compressed-tensors",
                "format": "pack-quantized",
                "bits": 4,
                "group_size": 128,
            },
        },
        "approximate_weights_gb": 14,
        "registered_model": "Mistral-Small-24B-Instruct",
        "version": "quantized-w4a16",
        "prefix": "Mistral-Small-24B-Instruct/quantized-w4a16/",
        "storage": {"serve_from": "s3"},
        "inference_service": "mistral-24b-quantized",
        "gpus": {"count": 1, "memory_gb": 24, "bandwidth_gb_per_second": 300},
        "node_selector": {
            "nvidia.com/gpu.product": "NVIDIA-L4",
            "node.kubernetes.io/instance-type": "g6.4xlarge",
        },
        "tolerations": [GPU_TOLERATION],
        "requests": {"cpu": "6", "memory": "16Gi"},
        "limits": {"cpu": "10", "memory": "20Gi"},
        "vllm_args": [
            "--gpu-memory-utilization=0.90",
            "--max-model-len=32768",
            "--max-num-seqs=16",
            "--dtype=auto",
            *TOOL_CALLING,
        ],
        "container_concurrency": 16,
        "mesh": {"max_connections": 50, "max_pending_requests": 20},
        "load_seconds": 120,
        "tasks": ["arc_easy", "hellaswag"],
        "limits_of_samples": [100, None],
        "gated_concurrencies": [1, 4, 16],
        "reported_rates": [1, 3, 5],
        "tokens": [512, 512],
        "cost_per_hour_usd": 1,
    },
    "full": {
        "repo": "mistralai/Mistral-Small-24B-Instruct-2501",
        "revision": "9527884be6e5616bdd54de542f9ae13384489724",
        "gated": True,
        "identity": {**MISTRAL, "quantization": None},
        "approximate_weights_gb": 47,
        "registered_model": "Mistral-Small-24B-Instruct",
        "version": "full-fp16",
        "prefix": "Mistral-Small-24B-Instruct/full-fp16/",
        "storage": {
            "serve_from": "pvc",
            "claim": "mistral-24b-pvc",
            "size": "120Gi",
            "access_mode": "ReadWriteOnce",
        },
        "inference_service": "mistral-24b",
        "gpus": {"count": 4, "memory_gb": 24, "bandwidth_gb_per_second": 300},
        "node_selector": {
            "nvidia.com/gpu.product": "NVIDIA-L4",
            "node.kubernetes.io/instance-type": "g6.12xlarge",
        },
        "tolerations": [GPU_TOLERATION],
        "requests": {"cpu": "16", "memory": "80Gi", "ephemeral-storage": "25Gi"},
        "limits": {"cpu": "32", "memory": "80Gi", "ephemeral-storage": "25Gi"},
        "vllm_args": [
            "--dtype=bfloat16",
            "--tensor-parallel-size=4",
            "--gpu-memory-utilization=0.85",
            "--max-model-len=32768",
            "--max-num-seqs=24",
            "--disable-custom-all-reduce",
            *TOOL_CALLING,
        ],
        "container_concurrency": 24,
        "mesh": {"max_connections": 100, "max_pending_requests": 30},
        "load_seconds": 360,
        "tasks": ["arc_easy", "hellaswag"],
        "limits_of_samples": [100, None],
        "gated_concurrencies": [1, 4, 24],
        "reported_rates": [1, 5, 10],
        "tokens": [512, 512],
        "cost_per_hour_usd": 5,
    },
}


@pytest.mark.parametrize("key", FACTS)
def test_the_catalog_holds_the_facts_of_the_model(key: str) -> None:
    """A model would be served with other limits, on another node or from other weights than was agreed."""
    spec = catalog.load(key)
    shown = spec.model_dump(mode="json")
    serving, evaluation, benchmark = shown["serving"], shown["evaluation"], shown["benchmark"]
    assert {
        **{name: shown["source"][name] for name in ("repo", "revision", "gated")},
        **{
            name: shown[name]
            for name in (
                "identity",
                "registered_model",
                "version",
                "storage",
                "cost_per_hour_usd",
                "approximate_weights_gb",
            )
        },
        **{
            name: serving[name]
            for name in (
                "inference_service",
                "gpus",
                "node_selector",
                "tolerations",
                "vllm_args",
                "container_concurrency",
                "mesh",
                "load_seconds",
            )
        },
        **serving["resources"],
        "prefix": spec.prefix,
        "tasks": evaluation["tasks"],
        "limits_of_samples": [evaluation["regression_limit"], evaluation["full_limit"]],
        "gated_concurrencies": benchmark["gated_concurrencies"],
        "reported_rates": benchmark["reported_rates"],
        "tokens": [benchmark["prompt_tokens"], benchmark["output_tokens"]],
    } == FACTS[key]


@pytest.mark.parametrize(("key", "tied_embeddings"), [("quantized", False), ("full", False), ("smollm2", True)])
def test_declared_parameters_follow_from_the_architecture(key: str, *, tied_embeddings: bool) -> None:
    """A wrong count would refuse the right model, or admit another one of the same shape."""
    identity = catalog.load(key).identity
    width = identity.hidden_size
    attention = 2 * width * identity.head_dim * (identity.attention_heads + identity.kv_heads)
    layer = attention + 3 * width * identity.intermediate_size + 2 * width
    embeddings = identity.vocab_size * width * (1 if tied_embeddings else 2)
    assert identity.parameters == embeddings + identity.layers * layer + width


def test_one_token_of_kv_cache_takes_160_kib() -> None:
    """Capacity would be announced that the GPU does not have."""
    identity = catalog.load("full").identity
    assert identity.kv_cache_bytes_per_token == 160 * 1024
    assert identity.kv_cache_bytes_per_token * 8192 == 1.25 * 2**30


@pytest.mark.parametrize("key", ["quantized", "full", "smollm2"])
def test_the_real_models_choose_safetensors_and_what_describes_them(key: str) -> None:
    """An import would bring the same weights twice, or weights that run code; or leave the tokenizer behind."""
    source = catalog.load(key).source
    wanted = [
        "config.json",
        "generation_config.json",
        "model-00001-of-00010.safetensors",
        "model.safetensors",
        "model.safetensors.index.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    unwanted = [
        ".gitattributes",
        "consolidated.safetensors",
        "consolidated-00001-of-00002.safetensors",
        "model.gguf",
        "modeling_mistral.py",
        "onnx/config.json",
        "onnx/model.onnx",
        "pytorch_model.bin",
        "training_args.bin",
        "weights.pt",
    ]
    assert [path for path in [*wanted, *unwanted] if source.selects(path)] == wanted
