"""The model hub: a Prefect block with its address, and the adapter that reads revisions and files from it."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import httpx2
from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from huggingface_hub.hf_api import ModelInfo
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.errors import BlockError, RejectedError
from blocks.hub_connections import Connections
from blocks.hub_errors import (
    GatedError,
    HubUnreachableError,
    Question,
    UnexpectedAnswerError,
    UntrustedCertificateError,
)
from blocks.hub_files import SYSTEM, HubFile, HubRevision, TensorInfo, verify_content
from blocks.hub_ranges import RangedFile
from blocks.safetensors_header import PREFIX_BYTES, header_length, parse_header
from blocks.trust import trusted
from deployments.settings import settings

METADATA_SECONDS = 30.0
READ_ATTEMPTS = 8
"""With waits that double from half a second on, a Hub may be away for three quarters of a minute."""
FIRST_READ_BYTES = 128 << 10
"""Most headers of shards are shorter, so that one ranged read is enough."""


class HubClient:
    """Reads revisions and files of one Hub; safe to share between threads.

    Who retries: reads of content go on here, where their offset is known, and no task repeats a read that was given
    up. Metadata and the preflight's byte are asked for once (`model_info` does not retry by itself), so that preflight
    fails in seconds; the task retries a transient error.

    Args:
        endpoint: the Hub's address, without a trailing slash.
        token: the access token, or None to ask without one; the machine's `hf auth login` is never used.
        token_variable: where the token comes from, for error messages.
        ca_bundle: a PEM file of trusted authorities, as `trusted` gives it; None for the system's.
        stall_seconds: how long a connection may be silent before it is made anew.
        attempts: failures in a row, without a byte in between, after which a read fails.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        token: SecretStr | None = None,
        token_variable: str = "HF_TOKEN",  # noqa: S107 - the variable's name, not a token
        ca_bundle: str | None = None,
        stall_seconds: float = 60.0,
        attempts: int = READ_ATTEMPTS,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._token = token
        self._token_variable = token_variable
        self._attempts = attempts
        self._connections = Connections(ca_bundle=ca_bundle, stall_seconds=stall_seconds, per_host=16)
        if ca_bundle:
            trust = ssl.create_default_context(cafile=ca_bundle)
            set_client_factory(lambda: httpx2.Client(verify=trust, follow_redirects=True, timeout=METADATA_SECONDS))
        # False, not None: None would send whatever token lies in this user's home.
        self._api = HfApi(endpoint=self.endpoint, token=token.get_secret_value() if token else False)

    @property
    def authenticated(self) -> bool:
        """Whether requests carry a token."""
        return self._token is not None

    def check(self, repo: str, *, revision: str, token_needed: bool = False) -> None:
        """Prove that the revision's weights can be read: asks for its files, and for one byte of the largest one.

        A gated repository shows its metadata to anyone, so only reading a file tells whether its licence was accepted.

        Args:
            repo: "owner/name".
            revision: branch, tag or commit.
            token_needed: the repository is known to be gated: without a token nothing is even asked. A pipeline whose
                secret lacked the expected key once went on unauthenticated, and nobody noticed.

        Raises:
            AccessDeniedError: the token is refused, or the repository is gated for it.
            NotFoundError: no such repository or revision.
            UnavailableError: the Hub or its storage host cannot be reached.
        """
        if token_needed and not self.authenticated:
            raise GatedError(
                endpoint=self.endpoint, repo=repo, variable=self._token_variable, authenticated=self.authenticated
            )
        found = self.resolve(repo, revision=revision)
        largest = max(found.files, key=lambda file: file.size, default=None)
        if largest and largest.size:
            self._open(repo, commit=found.commit, file=largest, attempts=1).read(0, 1)

    def resolve(self, repo: str, *, revision: str) -> HubRevision:
        """Resolve a branch, tag or commit to its commit and complete file set; errors as `check`."""
        info = self._model_info(repo, revision=revision)
        if not info.sha or info.siblings is None:
            raise UnexpectedAnswerError(host=self.endpoint, answer=f"no commit or no files for {repo}")
        files = tuple(
            HubFile(
                path=item.rfilename,
                size=(item.lfs.size if item.lfs else item.size) or 0,
                sha256=item.lfs.sha256 if item.lfs else None,
                blob_id=item.blob_id or "",
            )
            for item in sorted(info.siblings, key=lambda item: item.rfilename)
        )
        return HubRevision(repo=repo, revision=revision, commit=info.sha, files=files, gated=bool(info.gated))

    def read(self, repo: str, *, commit: str, file: HubFile, limit_bytes: int) -> bytes:
        """Read a small file whole, verified against the Hub's declaration.

        Raises:
            RejectedError: the file is larger than `limit_bytes`.
            DigestMismatchError: other bytes came than are declared.
        """
        if file.size > limit_bytes:
            raise RejectedError(
                SYSTEM,
                f"{repo} has a {file.path} of {file.size:,} bytes, more than the {limit_bytes:,} that such a file may "
                "have. Correct `source` in deployments/models/",
            )
        content = self.open(repo, commit=commit, file=file).read(0, file.size)
        verify_content(file, content)
        return content

    def safetensors_header(self, repo: str, *, commit: str, file: HubFile) -> dict[str, TensorInfo]:
        """Read which tensors a shard declares, in one or two ranged reads and without its weights.

        Raises:
            HeaderError: the file is no whole safetensors file.
        """
        source = self.open(repo, commit=commit, file=file)
        head = source.read(0, min(FIRST_READ_BYTES, file.size))
        end = PREFIX_BYTES + header_length(file, head)
        if end > len(head):
            head += source.read(len(head), end)
        return parse_header(file, head[PREFIX_BYTES:end])

    def open(self, repo: str, *, commit: str, file: HubFile) -> RangedFile:
        """Prepare ranged reads of a file; nothing is asked before the first read."""
        return self._open(repo, commit=commit, file=file, attempts=self._attempts)

    def _open(self, repo: str, *, commit: str, file: HubFile, attempts: int) -> RangedFile:
        authorization = f"Bearer {self._token.get_secret_value()}" if self._token else None
        return RangedFile(
            file,
            question=self._question(repo, revision=commit, path=file.path),
            authorization=authorization,
            connections=self._connections,
            attempts=attempts,
        )

    def _model_info(self, repo: str, *, revision: str) -> ModelInfo:
        question = self._question(repo, revision=revision)
        try:
            return self._api.model_info(repo, revision=revision, files_metadata=True, timeout=METADATA_SECONDS)
        except (HfHubHTTPError, httpx2.HTTPError, HFValidationError, OfflineModeIsEnabled) as error:
            raise _translated(error, question=question) from error
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(host=self.endpoint, answer=f"no model's metadata for {repo}") from error

    def _question(self, repo: str, *, revision: str, path: str | None = None) -> Question:
        return Question(self.endpoint, repo, revision, self._token_variable, self.authenticated, path)


def _translated(error: Exception, *, question: Question) -> BlockError:
    """Say in our words what huggingface_hub raised."""
    if isinstance(error, HfHubHTTPError):
        headers = error.response.headers
        message = headers.get("X-Error-Message", "")
        return question.refused(
            status=error.response.status_code, code=headers.get("X-Error-Code", ""), message=message
        )
    if isinstance(error, OfflineModeIsEnabled):
        return RejectedError(SYSTEM, "HF_HUB_OFFLINE is set, so nothing can be asked. Run `unset HF_HUB_OFFLINE`")
    if isinstance(error, HFValidationError):
        return RejectedError(
            SYSTEM, f"{question.repo!r} is no repository name. Correct `source.repo` in deployments/models/"
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return UntrustedCertificateError(host=question.endpoint)
    return HubUnreachableError(host=question.endpoint, reason=type(error).__name__)


class ModelHub(Block):
    """Where models come from: the Hugging Face Hub, or whatever speaks its API."""

    _block_type_name = "Slipway Model Hub"
    _block_type_slug = "slipway-model-hub"
    _description = "The Hugging Face Hub that models are imported from. Holds no token, only the name of its variable."

    endpoint: str = Field("https://huggingface.co", description="The Hub's address.")
    token_variable: str | None = Field(
        "HF_TOKEN", description="The environment variable that carries the access token; none for public models."
    )
    ca_bundle: str | None = Field(None, description="A PEM file of authorities to trust besides the public ones.")
    attempts: int = Field(
        READ_ATTEMPTS, ge=1, description="Failures in a row, without a byte, after which a read fails."
    )

    def client(self) -> HubClient:
        """Give the adapter; equal blocks, tokens and settings share one.

        Its connections are what is shared: a repository of a thousand small files would else make two for each file.
        """
        token = os.environ.get(self.token_variable, "").strip() if self.token_variable else ""
        return _connect(
            endpoint=self.endpoint,
            token=SecretStr(token) if token else None,
            token_variable=self.token_variable or "HF_TOKEN",
            ca_bundle=trusted(self.ca_bundle),
            stall_seconds=settings().transfer_stall_seconds,
            attempts=self.attempts,
        )


# Keyed by the token itself, which a SecretStr compares but does not show.
_connect = lru_cache(maxsize=4)(HubClient)
