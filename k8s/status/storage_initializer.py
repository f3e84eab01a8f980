"""Why KServe's storage initializer did not fetch the weights, read from its log: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, container, kubectl, model_key, namespace_flag
from k8s.status.symptom import Symptom, recognize

STORAGE_INITIALIZER = "storage-initializer"

# The wording is botocore's and, since 0.16, KServe's own above it.
_SYMPTOMS = (
    Symptom(
        pattern=r"No space left on device|\[Errno 28\]|Disk quota exceeded",
        category=Category.DISK_FULL,
        sentence="the weights do not fit on the node's disk",
        remedy="serve the model from a volume (storage.serve_from: pvc), or give the node a larger disk",
    ),
    Symptom(
        pattern=r"\bNoSuchBucket\b|S3 bucket '(?P<bucket>[^']*)' does not exist",
        category=Category.STORAGE_NOT_FOUND,
        sentence="the bucket does not exist",
        remedy="create it: python -m flows.apply_platform",
    ),
    Symptom(
        pattern=r"No model found in (?P<path>\S+?)\.?(?:\s|$)|\(404\)|\bNoSuchKey\b|S3 resource .{0,200}?not found",
        category=Category.STORAGE_NOT_FOUND,
        sentence="there is no such version in the object store",
        remedy="import it: prefect deployment run import/{model} --watch",
    ),
    Symptom(
        pattern=r"NoCredentialsError|Unable to locate credentials",
        category=Category.STORAGE_DENIED,
        sentence="it has no credentials for the object store",
        remedy="give its service account the Secret: python -m flows.apply_platform",
    ),
    Symptom(
        pattern=r"(?P<code>InvalidAccessKeyId|SignatureDoesNotMatch)|Invalid AWS credentials|"
        r"S3 authentication failed|\(401\)",
        category=Category.STORAGE_DENIED,
        sentence="the object store does not know its access key, or the secret key is wrong",
        remedy="correct MINIO_ACCESS_KEY and MINIO_SECRET_KEY, then write the Secret anew: "
        "python -m flows.apply_platform",
    ),
    Symptom(
        pattern=r"\(403\)|\bAccessDenied\b|Access ?[Dd]enied|403 Forbidden",
        category=Category.STORAGE_DENIED,
        sentence="the object store refuses its access key (403)",
        remedy="write the Secret and the store's users anew: python -m flows.apply_platform",
    ),
    Symptom(
        pattern=r"CERTIFICATE_VERIFY_FAILED|SSLError|certificate verify failed",
        category=Category.STORAGE_UNREACHABLE,
        sentence="it does not trust the object store's certificate",
        remedy="name the CA in SLIPWAY_CA_BUNDLE, then: python -m flows.apply_platform",
    ),
    Symptom(
        pattern=r"Could not connect to the endpoint URL|EndpointConnectionError|ConnectTimeout|ReadTimeout|"
        r"Connection refused|Name or service not known|Temporary failure in name resolution|Failed to connect to S3",
        category=Category.STORAGE_UNREACHABLE,
        sentence="it does not reach the object store",
        remedy="check that it runs and that a network policy lets the namespace in: kubectl get pods,networkpolicies "
        "-n model-storage",
        transient=True,
    ),
)


def initializer_trouble(pod: Manifest, lines: Sequence[str], *, failures: int) -> Diagnosis | None:
    """Say why the weights were not fetched, or None if the log says nothing that is known.

    Args:
        pod: the pod that it ran in; its Secret and source are named.
        lines: the end of its log.
        failures: how many of its runs have failed.
    """
    found = recognize(_SYMPTOMS, lines, model=model_key(pod))
    if found is None:
        return None
    declared = container(pod, STORAGE_INITIALIZER)
    source = next((str(word) for word in declared.get("args", ()) if "://" in str(word)), "the weights")
    secret = _secret(declared)
    named = found.category is Category.STORAGE_DENIED and secret
    check = f"kubectl get secret {secret}{namespace_flag(pod)}" if named else _log_command(pod)
    return Diagnosis(
        category=found.category,
        transient=found.transient,
        sentence=f"the storage initializer cannot fetch {source}: {found.sentence}"
        + (f", taken from the Secret {secret}" if named else ""),
        next_action=f"{found.remedy[:1].upper()}{found.remedy[1:]}; look at it: {check}",
        failures=failures,
    )


def _log_command(pod: Manifest) -> str:
    return f"{kubectl(pod, 'logs')} -c {STORAGE_INITIALIZER}"


def _secret(declared: Manifest) -> str:
    references = (entry.get("valueFrom", {}).get("secretKeyRef", {}) for entry in declared.get("env", ()))
    return next((str(reference["name"]) for reference in references if "name" in reference), "")
