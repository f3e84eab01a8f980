"""What can go wrong with a cluster, in our words: permanent or transient is decided where the error is born."""

from __future__ import annotations

from k8s.diagnosis import Diagnosis


class ClusterError(Exception):
    """The cluster failed us; the sentence ends with the next command to type.

    Attributes:
        transient: True where the same call can succeed later; only then is a task retried.
        sentence: what is wrong and what to do, for people.
    """

    transient: bool = False

    def __init__(self, sentence: str) -> None:
        super().__init__(f"cluster: {sentence}")
        self.sentence = sentence


class ClusterUnavailableError(ClusterError):
    """The Kubernetes API did not answer, or answered that it cannot now."""

    transient = True

    def __init__(self, *, address: str, reason: str) -> None:
        super().__init__(
            f"the Kubernetes API at {address} does not answer ({reason}). Check it: kubectl get --raw /readyz"
        )
        self.address = address


class UntrustedApiError(ClusterError):
    """The Kubernetes API's certificate is not signed by the CA of our configuration; waiting does not mend that."""

    def __init__(self, *, address: str, reason: str) -> None:
        super().__init__(
            f"the certificate of the Kubernetes API at {address} is not trusted ({reason}). Correct "
            "`certificate-authority` or `certificate-authority-data` of its cluster in the kubeconfig, then check: "
            "kubectl get --raw /readyz"
        )


class NoKubeconfigError(ClusterError):
    """There is neither a kubeconfig nor a pod's own service account."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"no usable Kubernetes configuration ({reason}). Name one: export KUBECONFIG=<file>, "
            "or for the sandbox: eval $(python -m sandbox env)"
        )


class UnauthorizedError(ClusterError):
    """The API does not know who we are."""

    def __init__(self, *, address: str) -> None:
        super().__init__(
            f"the Kubernetes API at {address} refuses our credentials (401). "
            "Log in again, then check: kubectl auth whoami"
        )


class ForbiddenError(ClusterError):
    """The API knows who we are and says no."""

    def __init__(self, *, verb: str, path: str, reason: str) -> None:
        super().__init__(f"not allowed to {verb} {path}: {reason}. See what is allowed: kubectl auth can-i --list")


class ResourceNotFoundError(ClusterError):
    """The object, its namespace or its kind does not exist."""

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(f"{path} does not exist: {reason}. See what does: kubectl get --raw {path.rpartition('/')[0]}")


class UnknownKindError(ClusterError):
    """The cluster serves no such kind, usually because an operator or a CRD is not installed."""

    def __init__(self, *, api_version: str, kind: str) -> None:
        super().__init__(
            f"this cluster does not know {kind} of {api_version}. Install what brings it, "
            f"then check: kubectl api-resources --api-group={api_version.rpartition('/')[0]}"
        )


class ConflictError(ClusterError):
    """Another field manager owns what we would set, or the object changed under us."""

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(
            f"{path} is also managed by somebody else: {reason}. "
            f"See who set what: kubectl get --raw {path}, under metadata.managedFields"
        )


class InvalidManifestError(ClusterError):
    """The API refuses the manifest itself."""

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(f"the API refuses the manifest for {path}: {reason}. See the schema: kubectl explain <kind>")


class AdmissionError(ClusterError):
    """Admission refuses an object: a quota, a webhook, pod security.

    Attributes:
        diagnosis: who refuses it and why, in a category.
    """

    def __init__(self, *, path: str, diagnosis: Diagnosis) -> None:
        super().__init__(f"{path} is refused: {diagnosis.sentence}. {diagnosis.next_action}")
        self.transient = diagnosis.transient
        self.diagnosis = diagnosis


class DiagnosedError(ClusterError):
    """Something that runs in the cluster did not do what was waited for.

    Attributes:
        diagnosis: what happened, in a category.
        log_tail: the last lines of the log that explains it, oldest first; empty if there was none.
        kind: the kind of the object.
        name: its name.
        namespace: its namespace.
    """

    def __init__(
        self,
        *,
        kind: str,
        name: str,
        namespace: str,
        state: str,
        diagnosis: Diagnosis,
        log_tail: tuple[str, ...] = (),
    ) -> None:
        shown = "".join(f"\n  | {line}" for line in log_tail)
        last_log = f"\nlast lines of its log:{shown}" if log_tail else ""
        super().__init__(f"{kind} {namespace}/{name} {state}: {diagnosis.sentence}. {diagnosis.next_action}{last_log}")
        self.transient = diagnosis.transient
        self.diagnosis = diagnosis
        self.log_tail = log_tail
        self.kind = kind
        self.name = name
        self.namespace = namespace


class JobFailedError(DiagnosedError):
    """A Job ended without success, or can never start; `name` is the Job's."""

    def __init__(self, *, job: str, namespace: str, diagnosis: Diagnosis, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(
            kind="Job", name=job, namespace=namespace, state="failed", diagnosis=diagnosis, log_tail=log_tail
        )


class JobDeadlineError(JobFailedError):
    """A Job was not done when its time was up; the diagnosis says what it was waiting for.

    Permanent, whatever it was waiting for: a task that tried again would wait for the whole time again, and again.
    """

    def __init__(self, *, job: str, namespace: str, diagnosis: Diagnosis, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(job=job, namespace=namespace, diagnosis=diagnosis, log_tail=log_tail)
        self.transient = False


class NotReadyError(DiagnosedError):
    """A service or Deployment does not become ready, and waiting longer does not help."""

    def __init__(
        self, *, kind: str, name: str, namespace: str, diagnosis: Diagnosis, log_tail: tuple[str, ...] = ()
    ) -> None:
        super().__init__(
            kind=kind,
            name=name,
            namespace=namespace,
            state="does not become ready",
            diagnosis=diagnosis,
            log_tail=log_tail,
        )


class ReadyDeadlineError(NotReadyError):
    """A service or Deployment was not ready when its time was up; the diagnosis says what it was waiting for."""


class StillThereError(ClusterError):
    """A deleted object, or a pod of it, does not go away."""

    transient = True

    def __init__(self, *, kind: str, name: str, namespace: str | None, seconds: float) -> None:
        flag = f" -n {namespace}" if namespace else ""
        super().__init__(
            f"{kind} {name} is still there {seconds:.0f} s after it was deleted. "
            f"See what holds it: kubectl get {kind.lower()} {name}{flag} -o yaml, under metadata.finalizers"
        )


class NotEstablishedError(ClusterError):
    """A CRD or a namespace that was applied is not usable in time."""

    transient = True

    def __init__(self, *, kind: str, name: str, wanted: str, seconds: float) -> None:
        super().__init__(
            f"{kind} {name} is not {wanted} {seconds:.0f} s after it was applied. "
            f"See why: kubectl get {kind.lower()} {name} -o yaml, under status"
        )


class RecipeMissingError(ClusterError):
    """A file that goes into the runtime image cannot be read."""

    def __init__(self, *, file: str, reason: str) -> None:
        super().__init__(
            f"the runtime image's {file} cannot be read ({reason}). "
            "Run from a checkout of the project, and check the CA bundle's path: grep SLIPWAY_CA_BUNDLE .env"
        )


class ContextTooLargeError(ClusterError):
    """The files of a build do not fit into a ConfigMap."""

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(
            f"the build's files are {size} bytes, a ConfigMap holds {limit}. "
            "Leave only your own CAs in the bundle: grep SLIPWAY_CA_BUNDLE .env"
        )
