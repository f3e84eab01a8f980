"""What the storage initializer's log says when the weights cannot be fetched."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.diagnosis import Category
from k8s.status import Surroundings, diagnose_pod

Json = dict[str, Any]
SECRET = {"valueFrom": {"secretKeyRef": {"name": "s3-credentials-kserve", "key": "AWS_ACCESS_KEY_ID"}}}
POD: Json = {
    "metadata": {"name": "m-1", "namespace": "ns", "labels": {"slipway.dev/model": "quantized"}},
    "spec": {
        "initContainers": [
            {
                "name": "storage-initializer",
                "args": ["s3://llm-models/m/v/", "/mnt/models"],
                "env": [{"name": "AWS_ACCESS_KEY_ID", **SECRET}],
                "resources": {"limits": {"memory": "1Gi"}},
            }
        ],
        "containers": [{"name": "kserve-container"}],
    },
}


def _pod(**state: Json) -> Json:
    entry = {"name": "storage-initializer", "restartCount": 0, "state": state}
    return {**POD, "status": {"phase": "Pending", "initContainerStatuses": [entry]}}


FAILED = _pod(terminated={"exitCode": 1, "reason": "Error"})


@pytest.mark.parametrize(
    ("line", "category", "transient", "said", "action"),
    [
        ("ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden",
         Category.STORAGE_DENIED, False, "(403), taken from the Secret s3-credentials-kserve",
         "kubectl get secret s3-credentials-kserve -n ns"),
        ("ClientError: An error occurred (SignatureDoesNotMatch) when calling the ListObjects operation",
         Category.STORAGE_DENIED, False, "the secret key is wrong", "MINIO_SECRET_KEY"),
        ("botocore.exceptions.NoCredentialsError: Unable to locate credentials",
         Category.STORAGE_DENIED, False, "no credentials", "python -m flows.apply_platform"),
        ("RuntimeError: Failed to fetch model. No model found in m/v/.",
         Category.STORAGE_NOT_FOUND, False, "no such version", "prefect deployment run import/quantized"),
        ("An error occurred (NoSuchBucket) when calling the ListObjects operation: The specified bucket does not exist",
         Category.STORAGE_NOT_FOUND, False, "the bucket does not exist", "python -m flows.apply_platform"),
        ("OSError: [Errno 28] No space left on device", Category.DISK_FULL, False, "do not fit", "serve_from: pvc"),
        ("EndpointConnectionError: Could not connect to the endpoint URL: \"http://minio:9000/llm-models\"",
         Category.STORAGE_UNREACHABLE, True, "does not reach", "networkpolicies -n model-storage"),
        ("SSLError: SSL validation failed [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
         Category.STORAGE_UNREACHABLE, False, "certificate", "SLIPWAY_CA_BUNDLE"),
    ],
)  # fmt: skip
def test_a_failed_fetch_says_why(line: str, category: Category, said: str, action: str, *, transient: bool) -> None:
    """Init:CrashLoopBackOff says nothing of keys, paths or disks."""
    surroundings = Surroundings(logs={("m-1", "storage-initializer"): ["Copying contents of s3://…", line]})
    diagnosis = diagnose_pod(FAILED, events=[], surroundings=surroundings)
    assert (diagnosis.category, diagnosis.transient) == (category, transient)
    assert diagnosis.sentence.startswith("the storage initializer cannot fetch s3://llm-models/m/v/: ")
    assert said in diagnosis.sentence
    assert action in diagnosis.next_action


def test_an_initializer_out_of_memory_is_told_from_the_engine() -> None:
    """Its limit stands in KServe's ConfigMap, not in the model's resources."""
    diagnosis = diagnose_pod(_pod(terminated={"exitCode": 137, "reason": "OOMKilled"}), events=[])
    assert diagnosis.category is Category.OOM_KILLED
    assert "storage-initializer used more memory than its limit of 1Gi" in diagnosis.sentence
    assert "inferenceservice-config" in diagnosis.next_action


def test_a_running_initializer_is_named_as_progress() -> None:
    """Minutes of copying must not look like standstill."""
    assert diagnose_pod(_pod(running={}), events=[]).sentence.endswith("storage-initializer runs")
