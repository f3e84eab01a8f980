"""The Job that runs a tool on a served model: its materials go in before it, its reports come out after it: pure.

An init container brings what the tool reads: the model's tokenizer from S3, where the Hub cannot be reached the tasks'
data, and whom to trust where not all authorities are public. So the tool needs neither credentials of a store or hub
nor a way out of the cluster. Where the service asks for a bearer token, it alone is the tool's, by reference.

The tool and our uploader run beside each other over one emptyDir. The uploader must learn that the tool has ended,
also when the tool is killed for its memory and can say nothing: so the tool's shell holds a named pipe open. Its end,
however it comes, is the pipe's end of file; an exit code comes through it where there is one.

Whoever of the two comes first makes the pipe. The images may run as different users, so the uploader makes it writable
for all (mode 0666 under umask 0); for the uploader to read, the shell's own umask is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.spec import ModelSpec
from k8s.manifests.fill_job import SERVICE_ACCOUNT
from k8s.manifests.flow_image import flow_container, flow_volumes
from k8s.manifests.labels import model_labels
from k8s.manifests.placement import away_from_gpus
from k8s.manifests.restricted import restricted_container, restricted_pod

REPORTS = "/slipway/reports"
"""Where the tool writes; all files below it are uploaded. The tool's arguments name it."""
TOOL_HOME = "/slipway/home"
"""The tool's home, for caches that nobody keeps; the tasks' data is put there, because its readers lock it."""
MATERIALS = "/slipway/materials"
"""What the tool only reads."""
TOKEN_SECRET = "served-model-token"  # noqa: S105 - the name of a Secret
TOKEN_KEY = "token"  # noqa: S105 - a key, as in the Secrets that Kubernetes makes for service accounts
MATERIALS_CONTAINER = "materials"
TOOL_CONTAINER = "tool"
UPLOADER_CONTAINER = "uploader"

_SIGNAL = "/slipway/signal"
_PIPE = f"{_SIGNAL}/done"
_GRACE_SECONDS = 60
_KEEP_SECONDS = 24 * 3600

# The tool runs without the pipe, so that no child that it leaves behind holds it open. `wait` returns early when a
# signal is passed on, so it is asked until the tool is gone.
_RUN_TOOL = """\
pipe=$1
shift
mkfifo "$pipe" 2> /dev/null || [ -p "$pipe" ] || exit 70
exec 3> "$pipe"
tool=
trap '[ -z "$tool" ] || kill -TERM "$tool" 2> /dev/null' TERM INT
"$@" 3>&- &
tool=$!
wait "$tool"
code=$?
while kill -0 "$tool" 2> /dev/null; do
    wait "$tool"
    code=$?
done
echo "$code" >&3
exit "$code"
"""


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec:
    """One run of a tool.

    Attributes:
        name: the Job's name, at most 63 characters; a run has its own.
        namespace: where it runs.
        tool_image: an image with the tool and /bin/sh.
        tool: the tool's command line. Paths under REPORTS leave the pod, those under TOOL_HOME do not.
        tool_environment: variables of the tool; never secrets.
        token_variable: the tool's variable for the bearer token of a service that asks for one; None sends none.
        flows_image: the image of flow runs, whose modules bring and upload.
        materials_module: the Python module that brings. It is called with `--materials`, `--home` and `materials`.
        materials: what it is asked for.
        uploader_module: the Python module that uploads. It is called with `--reports`, `--done` (the pipe) and
            `--destination`.
        destination: where the reports go, an s3:// URI with a trailing slash.
        timeout_seconds: the Job's time, its wait for a node included.
        cpu: cores of the tool.
        memory: memory of the tool, a Kubernetes quantity.
        reports_size: the largest that all reports may become.
    """

    name: str
    namespace: str
    tool_image: str
    tool: Sequence[str]
    flows_image: str
    materials_module: str
    materials: Sequence[str]
    uploader_module: str
    destination: str
    tool_environment: Mapping[str, str] = field(default_factory=dict)
    token_variable: str | None = None
    timeout_seconds: int = 7200
    cpu: str = "2"
    memory: str = "8Gi"
    reports_size: str = "2Gi"


def evaluation_job(spec: ModelSpec, evaluation: EvaluationSpec) -> dict[str, Any]:
    """Return the Job; it succeeds only if the materials, the tool and the upload do.

    Args:
        spec: the model that is evaluated.
        evaluation: the run.
    """
    labels = model_labels(spec, name="evaluation", component="evaluation")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": evaluation.name, "namespace": evaluation.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": evaluation.timeout_seconds + _GRACE_SECONDS,
            "ttlSecondsAfterFinished": _KEEP_SECONDS,
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {
                    **restricted_pod(),
                    **away_from_gpus(),
                    "serviceAccountName": SERVICE_ACCOUNT,
                    "initContainers": [_materials(evaluation)],
                    "containers": [_tool(evaluation), _uploader(evaluation)],
                    "volumes": [
                        {"name": "reports", "emptyDir": {"sizeLimit": evaluation.reports_size}},
                        {"name": "signal", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
                        {"name": "tool-home", "emptyDir": {"sizeLimit": "10Gi"}},
                        {"name": "materials", "emptyDir": {"sizeLimit": "1Gi"}},
                        *flow_volumes(),
                    ],
                },
            },
        },
    }


def _tool(evaluation: EvaluationSpec) -> dict[str, Any]:
    environment = {"HOME": TOOL_HOME, "TMPDIR": TOOL_HOME, **evaluation.tool_environment}
    amounts = {"cpu": evaluation.cpu, "memory": evaluation.memory}
    return {
        "name": TOOL_CONTAINER,
        "image": evaluation.tool_image,
        "command": ["/bin/sh", "-c", _RUN_TOOL, "run-tool"],
        "args": [_PIPE, *evaluation.tool],
        "env": [*({"name": name, "value": value} for name, value in environment.items()), *_token(evaluation)],
        "resources": {"requests": dict(amounts), "limits": amounts},
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "reports", "mountPath": REPORTS},
            {"name": "signal", "mountPath": _SIGNAL},
            {"name": "tool-home", "mountPath": TOOL_HOME},
            {"name": "materials", "mountPath": MATERIALS, "readOnly": True},
        ],
    }


def _token(evaluation: EvaluationSpec) -> Iterator[dict[str, Any]]:
    # Not optional: without its key the pod does not start, instead of asking without a token.
    if evaluation.token_variable is not None:
        reference = {"name": TOKEN_SECRET, "key": TOKEN_KEY}
        yield {"name": evaluation.token_variable, "valueFrom": {"secretKeyRef": reference}}


def _materials(evaluation: EvaluationSpec) -> dict[str, Any]:
    return flow_container(
        name=MATERIALS_CONTAINER,
        image=evaluation.flows_image,
        module=evaluation.materials_module,
        arguments=[f"--materials={MATERIALS}", f"--home={TOOL_HOME}", *evaluation.materials],
        mounts=[
            {"name": "materials", "mountPath": MATERIALS},
            {"name": "tool-home", "mountPath": TOOL_HOME},
        ],
    )


def _uploader(evaluation: EvaluationSpec) -> dict[str, Any]:
    return flow_container(
        name=UPLOADER_CONTAINER,
        image=evaluation.flows_image,
        module=evaluation.uploader_module,
        arguments=[f"--reports={REPORTS}", f"--done={_PIPE}", f"--destination={evaluation.destination}"],
        mounts=[
            {"name": "reports", "mountPath": REPORTS, "readOnly": True},
            {"name": "signal", "mountPath": _SIGNAL},
        ],
    )
