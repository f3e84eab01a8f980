"""What vLLM's log says about memory and GPUs when it does not start; the wording of vLLM 0.6 to 0.32."""

from __future__ import annotations

from k8s.diagnosis import Category
from k8s.status.symptom import Symptom

_GIB = r"[\d.]+"

MEMORY_SYMPTOMS = (
    # The cache's own errors come before CUDA's: their numbers say what to change, and to what.
    Symptom(
        pattern=rf"max seq len \((?P<wanted>\d+)\),? \(?(?P<needed>{_GIB}) (?:GiB|GB) KV cache is needed.*?"
        rf"available KV cache memory \((?P<free>{_GIB}) (?:GiB|GB)\).*?"
        r"estimated maximum model length is (?P<longest>\d+)",
        category=Category.KV_CACHE,
        sentence="one sequence of --max-model-len={wanted} needs {needed} GiB of KV cache, and {free} GiB are left",
        remedy="in {file} lower --max-model-len to {longest} or less, or raise --gpu-memory-utilization",
    ),
    Symptom(
        pattern=rf"max seq len \((?P<wanted>\d+)\),? \(?(?P<needed>{_GIB}) (?:GiB|GB) KV cache is needed.*?"
        rf"available KV cache memory \((?P<free>{_GIB}) (?:GiB|GB)\)",
        category=Category.KV_CACHE,
        sentence="one sequence of --max-model-len={wanted} needs {needed} GiB of KV cache, and {free} GiB are left",
        remedy="in {file} lower --max-model-len, or raise --gpu-memory-utilization",
    ),
    Symptom(
        pattern=r"max seq len \((?P<wanted>\d+)\) is larger than the maximum number of tokens that can be stored in "
        r"KV cache \((?P<longest>\d+)\)",
        category=Category.KV_CACHE,
        sentence="the KV cache holds {longest} tokens, less than one sequence of --max-model-len={wanted}",
        remedy="in {file} lower --max-model-len to {longest} or less, or raise --gpu-memory-utilization",
    ),
    Symptom(
        pattern=r"No available memory for the cache blocks",
        category=Category.KV_CACHE,
        sentence="the weights leave no memory for the KV cache",
        remedy="in {file} raise --gpu-memory-utilization, or give it more GPUs (gpus.count and --tensor-parallel-size)",
    ),
    Symptom(
        pattern=rf"Free memory on device \S* ?\((?P<free>{_GIB})/(?P<total>{_GIB}) GiB\) on startup is less than "
        r"desired GPU memory utilization \((?P<share>[\d.]+)",
        category=Category.GPU_MEMORY,
        sentence="the GPU is not empty: {free} of {total} GiB are free, --gpu-memory-utilization={share} needs more",
        remedy="end what else runs on the GPU (nvidia-smi on the node says what), or lower --gpu-memory-utilization",
        transient=True,  # the copy that is being replaced may still be giving its memory back
    ),
    Symptom(
        pattern=r"CUDA out of memory occurred when warming up \w+ with (?P<count>\d+)",
        category=Category.GPU_MEMORY,
        sentence="CUDA ran out of memory in the warm-up with {count} sequences",
        remedy="in {file} lower --max-num-seqs or --gpu-memory-utilization",
    ),
    Symptom(
        pattern=rf"CUDA out of memory\. Tried to allocate (?P<asked>{_GIB} \w+)\. GPU (?P<gpu>\d+) has a total "
        rf"capacity of (?P<total>{_GIB} \w+) of which (?P<free>{_GIB} \w+) is free",
        category=Category.GPU_MEMORY,
        sentence="CUDA ran out of memory: GPU {gpu} of {total} has {free} free, and {asked} more were asked for",
        remedy="in {file} lower --gpu-memory-utilization, --max-num-seqs or --max-model-len; if it happened while the "
        "weights were loaded, give it more GPUs (gpus.count and --tensor-parallel-size)",
    ),
    Symptom(
        pattern=r"CUDA out of memory|CUDA error: out of memory|torch\.(?:cuda\.)?OutOfMemoryError",
        category=Category.GPU_MEMORY,
        sentence="CUDA ran out of memory",
        remedy="in {file} lower --gpu-memory-utilization, --max-num-seqs or --max-model-len, or give it more GPUs",
    ),
    Symptom(
        pattern=r"World size \((?P<wanted>\d+)\) is larger than the number of available GPUs \((?P<had>\d+)\)|"
        r"please ensure that world_size \((?P<world>\d+)\) is less than than max local gpu count \((?P<local>\d+)\)|"
        r"Tensor parallel size \((?P<tensor>\d+)\) (?:exceeds|cannot be larger than)[^(]*\((?P<gpus>\d+)\)",
        category=Category.PARALLELISM,
        sentence="--tensor-parallel-size asks for more GPUs than the pod has",
        remedy="in {file} make --tensor-parallel-size equal to gpus.count",
    ),
    Symptom(
        pattern=r"Ray is required for multi-node inference|"
        r"number of required GPUs exceeds the total number of available GPUs|invalid device ordinal",
        category=Category.PARALLELISM,
        sentence="--tensor-parallel-size asks for more GPUs than the pod has",
        remedy="in {file} make --tensor-parallel-size equal to gpus.count",
    ),
    Symptom(
        pattern=r"number of attention heads \((?P<heads>\d+)\) must be divisible by tensor parallel size "
        r"\((?P<size>\d+)\)",
        category=Category.PARALLELISM,
        sentence="{heads} attention heads cannot be divided among --tensor-parallel-size={size} GPUs",
        remedy="in {file} choose a --tensor-parallel-size that divides {heads}",
    ),
    Symptom(
        pattern=r"No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device is detected|"
        r"Failed to infer device type|libcuda\.so\.1: cannot open shared object file",
        category=Category.GPU_MISSING,
        sentence="the container sees no GPU",
        remedy="in {file} set gpus.count, and check that the node's driver works: "
        "kubectl get pods -A -l app=nvidia-device-plugin-daemonset",
    ),
    Symptom(
        pattern=r"NVIDIA driver on your system is too old|CUDA driver version is insufficient",
        category=Category.GPU_MISSING,
        sentence="the node's NVIDIA driver is older than the image's CUDA needs",
        remedy="update the driver, or set SLIPWAY_RUNTIME_BASE_IMAGE to an image of an older CUDA and import again",
    ),
    Symptom(
        pattern=r"\bshm/nccl|shared memory segment|unable to (?:open|mmap) shared memory",
        category=Category.SHARED_MEMORY,
        sentence="the shared memory is too small for what the GPUs tell each other",
        remedy="in {file} raise serving.shared_memory",
    ),
)
