"""What vLLM's log says when it does not start, read as a diagnosis that names the argument to change."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.diagnosis import Category, Diagnosis
from k8s.status import Surroundings, diagnose_pod

Json = dict[str, Any]
PREFIX = "(EngineCore_0 pid=41) ERROR 11-23 10:01:02 [core.py:718] "
AFTERMATH = (
    "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
)
POD: Json = {
    "metadata": {"name": "m-1", "namespace": "ns", "uid": "p", "labels": {"slipway.dev/model": "quantized"}},
    "spec": {"containers": [{"name": "kserve-container", "args": ["--max-model-len=32768", "--max-num-seqs", "16"]}]},
    "status": {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "kserve-container",
                "restartCount": 1,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
            }
        ],
    },
}


def _diagnosis(line: str) -> Diagnosis:
    surroundings = Surroundings(logs={("m-1", "kserve-container"): ["INFO loading", PREFIX + line, AFTERMATH]})
    return diagnose_pod(POD, events=[], surroundings=surroundings)


KV = (
    "ValueError: To serve at least one request with the models's max seq len (32768), (5.00 GiB KV cache is needed, "
    "which is larger than the available KV cache memory (4.12 GiB). Based on the available memory, the estimated "
    "maximum model length is 26992. Try increasing `gpu_memory_utilization` or decreasing `max_model_len`"
)
OLD_KV = (
    "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in "
    "KV cache (7344). Try increasing `gpu_memory_utilization`"
)
OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 640.00 MiB. GPU 0 has a total capacity of 21.98 "
    "GiB of which 230.44 MiB is free. Including non-PyTorch memory, this process has 0 bytes memory in use."
)
WARM_UP = "RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests."
BUSY = (
    "ValueError: Free memory on device (3.1/22.04 GiB) on startup is less than desired GPU memory utilization "
    "(0.9, 19.84 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes."
)
WORLD = "ValueError: World size (4) is larger than the number of available GPUs (1) in this node."
HEADS = "ValueError: Total number of attention heads (32) must be divisible by tensor parallel size (3)."
QUANTIZATION = (
    "Value error, Quantization method specified in the model config (compressed-tensors) does not match the "
    "quantization method specified in the `quantization` argument (awq)."
)
CAPABILITY = (
    "ValueError: The quantization method marlin is not supported for the current GPU. Minimum capability: 80. "
    "Current capability: 75."
)
BF16 = (
    "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has "
    "compute capability 7.5. You can use float16 instead"
)
TEKKEN = (
    "OSError: Found 0 files matching the pattern: `^tokenizer\\.model\\.v.*$|^tekken\\.json$`. Make sure that a "
    "Mistral tokenizer is present in ['config.json', 'tokenizer.json']."
)
DERIVED = (
    "Value error, User-specified max_model_len (65536) is greater than the derived max_model_len "
    "(max_position_embeddings=32768 or model_max_length=None in model's config.json)."
)
ARCHITECTURE = "ValueError: Model architectures ['Mistral9ForCausalLM'] are not supported for now."


@pytest.mark.parametrize(
    ("line", "category", "said", "change"),
    [
        (KV, Category.KV_CACHE, "needs 5.00 GiB of KV cache, and 4.12 GiB", "lower --max-model-len to 26992 or less"),
        (OLD_KV, Category.KV_CACHE, "holds 7344 tokens", "lower --max-model-len to 7344 or less"),
        ("ValueError: No available memory for the cache blocks.", Category.KV_CACHE, "the weights leave no", "raise"),
        (OOM, Category.GPU_MEMORY, "GPU 0 of 21.98 GiB has 230.44 MiB free", "--gpu-memory-utilization"),
        (WARM_UP, Category.GPU_MEMORY, "warm-up with 256", "--max-num-seqs"),
        (BUSY, Category.GPU_MEMORY, "3.1 of 22.04 GiB are free", "end what else runs"),
        (WORLD, Category.PARALLELISM, "more GPUs than the pod has", "--tensor-parallel-size equal to gpus.count"),
        (HEADS, Category.PARALLELISM, "--tensor-parallel-size=3", "divides 32"),
        ("api_server.py: error: unrecognized arguments: --max-len=9", Category.ARGUMENT, "--max-len=9", "remove it"),
        ("error: argument --dtype: invalid choice: 'fp4'", Category.ARGUMENT, "--dtype: invalid", "correct --dtype"),
        ("KeyError: 'invalid tool call parser: mistrall (chose", Category.ARGUMENT, "mistrall", "correct the parser"),
        (DERIVED, Category.ARGUMENT, "context of 32768", "lower --max-model-len to 32768"),
        (QUANTIZATION, Category.QUANTIZATION, "--quantization=awq contradicts", "remove --quantization"),
        (CAPABILITY, Category.QUANTIZATION, "compute capability is 75, and 80", "newer GPU"),
        (BF16, Category.UNSUPPORTED, "Tesla T4 has compute capability 7.5", "--dtype=half"),
        (TEKKEN, Category.TOKENIZER, "tekken.json", "remove --tokenizer-mode"),
        ("ValueError: No tokenizer file found.", Category.TOKENIZER, "tekken.json", "remove --tokenizer-mode"),
        (ARCHITECTURE, Category.UNSUPPORTED, "cannot serve Mistral9ForCausalLM", "SLIPWAY_RUNTIME_BASE_IMAGE"),
        ("RuntimeError: Cannot find any model weights with `/mnt/m`", Category.WEIGHTS, "/mnt/m", "storageUri"),
        ("OSError: /mnt/m does not appear to have a file named config.json", Category.WEIGHTS, "config.json", "uri"),
        ("RuntimeError: No CUDA GPUs are available", Category.GPU_MISSING, "sees no GPU", "gpus.count"),
        ("torch.distributed.DistBackendError: Error while creating shared memory segment /dev/shm/nccl-x (size 9)",
         Category.SHARED_MEMORY, "shared memory", "serving.shared_memory"),
    ],
)  # fmt: skip
def test_a_start_error_names_the_argument_to_change(line: str, category: Category, said: str, change: str) -> None:
    """A user who gets 'exit code 1' reads 200 lines of traceback to find the one that counts."""
    diagnosis = _diagnosis(line)
    assert diagnosis.category is category
    assert said in diagnosis.sentence
    assert change.lower() in diagnosis.next_action.lower()
    assert "prefect deployment run deploy/quantized --watch" in diagnosis.next_action


def test_the_present_value_of_the_argument_is_told() -> None:
    """To lower a value, one must know what it is."""
    assert "(now --max-model-len=32768)" in _diagnosis(KV).next_action


def test_a_gpu_that_is_being_given_back_may_be_free_at_the_next_start() -> None:
    """The copy that is replaced still holds its memory: giving up at the first failure would be too early."""
    assert _diagnosis(BUSY).transient
    assert not _diagnosis(OOM).transient


def test_failure_2_an_empty_folder_is_told_from_a_broken_model() -> None:
    """The service read another folder than the import had written, and crashed (docs/failures.md, row 2)."""
    line = "Value error, Invalid repository ID or local directory specified: '/mnt/models'."
    assert "trailing slash" in _diagnosis(line).next_action


def test_the_termination_message_serves_where_the_log_is_gone() -> None:
    """A pod that was deleted takes its log along; KServe's containers leave the log's end in the status."""
    terminated = {"exitCode": 1, "message": "Traceback\nRuntimeError: CUDA error: out of memory"}
    pod = {**POD, "status": {"containerStatuses": [{"name": "kserve-container", "state": {"terminated": terminated}}]}}
    assert diagnose_pod(pod, events=[]).category is Category.GPU_MEMORY


def test_an_unknown_end_of_the_engine_shows_where_its_log_is() -> None:
    """What the table does not know must not be guessed."""
    diagnosis = _diagnosis("SomethingNewError: never seen")
    assert diagnosis.category is Category.EXIT_CODE
    assert diagnosis.next_action == "Read its log: kubectl logs m-1 -n ns --previous"
    assert diagnosis.failures == 2
