"""The reviewed manifests of tests/golden/manifests, and the command that writes them anew.

After a wanted change run `python -m tests.golden.regenerate`, and review the difference like code.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from deployments import catalog
from deployments.catalog import keys
from deployments.spec import ModelSpec
from k8s.manifests.evaluation_job import REPORTS, EvaluationSpec, evaluation_job
from k8s.manifests.fill_job import FillInputs, fill_job
from k8s.manifests.inference_service import ServiceInputs
from k8s.manifests.kserve_storage import S3Address, storage_secret
from k8s.render import as_yaml, model_objects, shared_objects

FOLDER = Path(__file__).parent / "manifests"
# A folder with no file of a model's name: the catalog as it is, whatever the environment says.
NO_OVERLAY = Path(__file__).parent

NAMESPACE = "private-ai-demo"
BASE_IMAGE = f"registry.example.com/vllm@sha256:{'b' * 64}"
FLOWS_IMAGE = f"registry.example.com/slipway-flows@sha256:{'f' * 64}"
ADDRESS = S3Address(endpoint="http://minio.model-storage.svc:9000")
INPUTS = ServiceInputs(
    namespace=NAMESPACE,
    bucket="llm-models",
    image=f"registry.example.com/slipway-vllm@sha256:{'a' * 64}",
    manifest_sha256="0123456789abcdef" * 4,
    source_commit="0123456789abcdef01234567" + "89abcdef01234567",
    registry_name="private-ai-model-registry",
    registered_model_id="7",
    model_version_id="11",
)
FILL = FillInputs(
    namespace=NAMESPACE,
    bucket=INPUTS.bucket,
    image=FLOWS_IMAGE,
    module="flows.deploy_model.fill",
    manifest_sha256=INPUTS.manifest_sha256,
)
EVALUATION = EvaluationSpec(
    name="lm-eval-quantized-1",
    namespace=NAMESPACE,
    tool_image=f"registry.example.com/evaluation@sha256:{'e' * 64}",
    tool=["lm_eval", "--tasks=arc_easy", f"--output_path={REPORTS}/lm-eval"],
    tool_environment={"HF_ENDPOINT": "https://huggingface.co"},
    flows_image=FLOWS_IMAGE,
    materials_module="flows.check_model.materials",
    materials=["--bucket=llm-models", "--tokenizer=Mistral-Small-24B-Instruct/quantized-w4a16/"],
    uploader_module="flows.check_model.upload",
    destination="s3://llm-models/test-results/quantized/1/",
)


def model(key: str) -> ModelSpec:
    """Load a model of the catalog, without any overlay."""
    return catalog.load(key, overlay=NO_OVERLAY)


def goldens() -> dict[str, list[dict[str, Any]]]:
    """Build what each golden file holds: its name without the suffix → the manifests."""
    specs = {key: model(key) for key in keys()}
    shared = shared_objects(specs.values(), namespace=NAMESPACE, runtime_image=BASE_IMAGE, address=ADDRESS)
    return {
        **{key: model_objects(spec, INPUTS) for key, spec in specs.items()},
        "shared": [*shared, storage_secret(ADDRESS, namespace=NAMESPACE)],
        "jobs": [fill_job(specs["full"], FILL), evaluation_job(specs["quantized"], EVALUATION)],
    }


def text(name: str, manifests: list[dict[str, Any]]) -> str:
    """Write a golden file's text."""
    return as_yaml(manifests, heading=f"{name}: reviewed; written by python -m tests.golden.regenerate")


def main() -> int:
    """Write every golden file that differs."""
    for name, manifests in goldens().items():
        file, wanted = FOLDER / f"{name}.yaml", text(name, manifests)
        if not file.exists() or file.read_text(encoding="utf-8") != wanted:
            file.write_text(wanted, encoding="utf-8")
            sys.stdout.write(f"wrote {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
