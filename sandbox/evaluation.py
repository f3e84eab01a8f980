"""The environment of lm-eval and GuideLLM, which runs in the place of the evaluation image."""

from __future__ import annotations

from sandbox.tool_environment import ToolEnvironment

VARIABLES = {
    # The machine's cores are the engine's: the tools compute next to nothing.
    "OMP_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
}
ENVIRONMENT = ToolEnvironment(
    name="evaluation",
    title="the evaluation tools' environment",
    variable="SLIPWAY_SANDBOX_EVALUATION",
    requirements="evaluation.txt",
    command="make evaluation",
    check="import guidellm, lm_eval; from importlib.metadata import version as v; "
    "print('lm_eval', v('lm_eval'), 'guidellm', v('guidellm'))",
)
COMMAND, folder, mark, ensure = ENVIRONMENT.command, ENVIRONMENT.folder, ENVIRONMENT.mark, ENVIRONMENT.ensure
