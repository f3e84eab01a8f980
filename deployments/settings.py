"""WHICH environment: the facts that differ between a laptop and a cluster, read from SLIPWAY_* variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deployments.errors import SettingsError
from deployments.spec.section import LABEL_LENGTH, problem

PREFIX = "SLIPWAY_"

Count = Annotated[int, Field(gt=0)]
# S3's own bounds of a multipart part: 5 MiB to 5 GiB.
PartMib = Annotated[int, Field(ge=5, le=5 * 1024)]


def _check_exists(path: Path) -> Path:
    if not path.exists():
        raise PydanticCustomError("missing_path", "names {path}, which does not exist", {"path": str(path)})
    return path


ExistingPath = Annotated[Path, AfterValidator(_check_exists)]
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=LABEL_LENGTH)]
Image = Annotated[str, Field(pattern=r"^\S+$")]


def _check_pinned(reference: str) -> str:
    # The runtime image's tag is a hash of its inputs: a base that can change under its name would make the tag a lie.
    if re.search(r"(@sha256:|^oci:.*:sha256-)[0-9a-f]{64}$", reference) is None:
        raise problem(f"is {reference!r}, which names no digest; write name@sha256:<64 hex digits>")
    return reference


PinnedImage = Annotated[Image, AfterValidator(_check_pinned)]


class CatalogSettings(BaseSettings):
    """The part of the settings that reading the catalog needs.

    It stands alone so that `python -m deployments` works where no image is configured.

    Attributes:
        catalog_overlay: a folder of YAML files laid over the catalog's; None for the catalog as it is.
    """

    # Only the environment is read, no .env: a production .env in the folder must not leak into a sandbox run.
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    catalog_overlay: ExistingPath | None = None


class Settings(CatalogSettings):
    """Everything that slipway must be told about its environment.

    Attributes:
        namespace: where models are served and jobs run.
        runtime_base_image: the vLLM image that the runtime image is built from.
        builder: the Buildah image, if it is set; read `builder_image`.
        flows: the image of flow runs, if it is set; read `flows_image`.
        evaluation: the image of lm-eval and GuideLLM, if it is set; read `evaluation_image`.
        ca_bundle: a PEM file with certificate authorities to trust besides the public ones; None for only those.
        transfer_files: large files read at once, while one more may still be uploaded; small ones share the ranges of a
            large one. A kill loses at most the files in flight.
        transfer_ranges: ranges of one file read at once, and uploaded meanwhile.
        transfer_part_mib: size of one range and one multipart part, in MiB.
        transfer_stall_seconds: a read with no byte for so long is dropped and resumed.
        build_timeout_seconds: how long the build Job may take; one hour killed builds.
        lease_seconds: how long a lease on a version or a service holds when it is not renewed.
        registry_name: the Model Registry's name, as the OpenShift dashboard lists it.
        pull_secret: the Secret by which nodes pull the runtime image; Kubernetes ignores one that does not exist.
        storage_class: the storage class of models' volumes; None for the cluster's default.
        volume_fs_group: the group that a volume is given to, where a new one belongs to root. None on OpenShift, which
            assigns one.
        fill_timeout_seconds: how long filling a volume may take; 47 GB took up to 70 minutes.
        nodes_scale: True where an autoscaler adds GPU nodes on demand: preflight does not ask for a free one then.
        deploy_timeout_seconds: how long a service may take until it is ready, with a new node and an image pull.
        evaluation_timeout_seconds: how long one run of lm-eval may take; a benchmark's time follows from the spec.
        task_data: where the tools take the tasks' data from: the Hub, or the bucket where a cluster does not reach it.
    """

    namespace: Namespace = "private-ai-demo"
    runtime_base_image: PinnedImage = (
        "registry.redhat.io/rhoai/odh-vllm-cuda-rhel9"
        "@sha256:fb84fbf103bf450ef5b060fc5f21a9cf16b166dba207a3c50aa91bccd919d604"
    )
    builder: Annotated[Image | None, Field(validation_alias=f"{PREFIX}BUILDER_IMAGE")] = None
    flows: Annotated[Image | None, Field(validation_alias=f"{PREFIX}FLOWS_IMAGE")] = None
    evaluation: Annotated[Image | None, Field(validation_alias=f"{PREFIX}EVALUATION_IMAGE")] = None
    ca_bundle: ExistingPath | None = None
    transfer_files: Count = 2
    transfer_ranges: Count = 4
    transfer_part_mib: PartMib = 8
    transfer_stall_seconds: Count = 60
    build_timeout_seconds: Count = 7200
    lease_seconds: Count = 60
    registry_name: Namespace = "private-ai-model-registry"
    pull_secret: Namespace = "quay-credentials"  # noqa: S105 - the name of a Secret
    storage_class: Annotated[str, Field(min_length=1)] | None = None
    volume_fs_group: Annotated[int, Field(ge=0)] | None = None
    fill_timeout_seconds: Count = 7200
    nodes_scale: bool = False
    deploy_timeout_seconds: Count = 3600
    evaluation_timeout_seconds: Count = 7200
    task_data: Literal["hub", "store"] = "hub"

    # These images are asked for where they are used, so that a flow can be imported and deployed without them. None
    # has a default: a tag or digest that nobody looked up on the registry would be an invention.

    @property
    def builder_image(self) -> str:
        """The Buildah image of the build Job, for example quay.io/buildah/stable:v1.38.0.

        Raises:
            SettingsError: SLIPWAY_BUILDER_IMAGE is not set.
        """
        return _required(self.builder, variable=f"{PREFIX}BUILDER_IMAGE")

    @property
    def flows_image(self) -> str:
        """The image of flow runs, built from images/flows.

        Raises:
            SettingsError: SLIPWAY_FLOWS_IMAGE is not set.
        """
        return _required(self.flows, variable=f"{PREFIX}FLOWS_IMAGE")

    @property
    def evaluation_image(self) -> str:
        """The image of lm-eval and GuideLLM, built from images/evaluation.

        Raises:
            SettingsError: SLIPWAY_EVALUATION_IMAGE is not set.
        """
        return _required(self.evaluation, variable=f"{PREFIX}EVALUATION_IMAGE")


def settings() -> Settings:
    """Read the settings from the environment, anew at each call.

    Raises:
        SettingsError: a variable has a value that cannot be.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_problems(error)) from error


def catalog_overlay() -> Path | None:
    """Read only the overlay's folder from the environment.

    Raises:
        SettingsError: the folder does not exist.
    """
    try:
        return CatalogSettings().catalog_overlay
    except ValidationError as error:
        raise SettingsError(_problems(error)) from error


def _required(value: str | None, *, variable: str) -> str:
    if value is None:
        raise SettingsError({variable: "is not set"})
    return value


def _problems(error: ValidationError) -> dict[str, str]:
    problems = {}
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]).upper()
        variable = name if name.startswith(PREFIX) else f"{PREFIX}{name}"
        match detail["type"]:
            case "missing_path":
                problems[variable] = detail["msg"]
            case _:
                sentence = detail["msg"][:1].lower() + detail["msg"][1:]
                problems[variable] = f"is {detail['input']!r}, but {sentence}"
    return problems
