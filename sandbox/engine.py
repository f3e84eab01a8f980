"""The environment of vLLM's CPU build, which serves replicas in the place of the runtime image."""

from __future__ import annotations

from sandbox.layout import PROJECT
from sandbox.tool_environment import ToolEnvironment

VARIABLES = {
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    # Replicas are tiny: more threads only wait for each other, and two engines share the machine.
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(PROJECT / "sandbox" / "engine_start"),
}
ENVIRONMENT = ToolEnvironment(
    name="vllm",
    title="vLLM's environment",
    variable="SLIPWAY_SANDBOX_VLLM",
    requirements="vllm.txt",
    command="make engine",
    check="import vllm, torch; print('vllm', vllm.__version__)",
    # Their builds for CUDA break vLLM's imports on a machine without it, and nothing here needs them.
    harmful=("torchvision", "torchaudio", "torchcodec"),
)
COMMAND, folder, mark, ensure = ENVIRONMENT.command, ENVIRONMENT.folder, ENVIRONMENT.mark, ENVIRONMENT.ensure
