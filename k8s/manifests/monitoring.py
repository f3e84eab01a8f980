"""The PodMonitor through which Prometheus reads vLLM's metrics: pure."""

from __future__ import annotations

from typing import Any

from deployments.spec import ModelSpec
from k8s.manifests.labels import MODEL_LABEL, model_labels
from k8s.manifests.serving_runtime import METRICS_PATH, PORT_NAME

GROUP, KIND = "monitoring.coreos.com", "PodMonitor"
API = f"{GROUP}/v1"
_SERVICE_LABEL = "serving.kserve.io/inferenceservice"
_KNATIVE_PORT_NAME = "user-port"  # Knative renames the container's port


def pod_monitor(spec: ModelSpec, *, namespace: str) -> dict[str, Any]:
    """Return the monitor of a model's predictor pods.

    It selects pods and not a Service, so that it is the same in both deployment modes: in Serverless mode a Service's
    address is the activator's, and scraping it would wake the model up. A ServiceMonitor beside it would count
    everything twice.

    Args:
        spec: the model.
        namespace: where it is served.
    """
    serverless = spec.serving.deployment_mode == "Serverless"
    return {
        "apiVersion": API,
        "kind": KIND,
        "metadata": {
            "name": f"{spec.serving.inference_service}-metrics",
            "namespace": namespace,
            "labels": model_labels(spec, name="vllm-metrics", component="monitoring"),
        },
        "spec": {
            "selector": {"matchLabels": {_SERVICE_LABEL: spec.serving.inference_service}},
            "podTargetLabels": [_SERVICE_LABEL, MODEL_LABEL, "app.kubernetes.io/version"],
            "podMetricsEndpoints": [
                {
                    "port": _KNATIVE_PORT_NAME if serverless else PORT_NAME,
                    "path": METRICS_PATH,
                    "scheme": "http",
                    "interval": "15s",
                }
            ],
        },
    }
