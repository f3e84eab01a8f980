"""The variables that an administrator gives for the platform: from the environment, then from `.env`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from flows.apply_platform.errors import LoginFileError

# These two become part of an address (mc's alias, the registry's data source), where other characters have a meaning.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_IN_ADDRESSES = ("minio_root_user", "minio_root_password", "mysql_password")
_SHORTEST = {"access_key": 3, "root_user": 3, "secret_key": 8, "root_password": 8}


class PlatformVariables(BaseSettings):
    """Every field is an environment variable or a line of `.env`; an empty one counts as not given.

    Secrets are `SecretStr`: they show as asterisks wherever this object is printed.
    """

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    hf_token: SecretStr | None = None
    quay_username: str | None = None
    quay_password: SecretStr | None = None
    registry_auth_file: Path | None = Field(None, description="logins of `podman login --authfile`")
    minio_root_user: str | None = None
    minio_root_password: SecretStr | None = None
    minio_access_key: str | None = None
    minio_secret_key: SecretStr | None = None
    kserve_access_key: str | None = None
    kserve_secret_key: SecretStr | None = None
    mysql_password: SecretStr | None = None
    mysql_root_password: SecretStr | None = None
    postgres_password: SecretStr | None = None
    prefect_api_auth_string: SecretStr | None = None
    slipway_notification_url: SecretStr | None = None
    served_model_token: SecretStr | None = None

    slipway_flows_image: str | None = None
    slipway_evaluation_image: str | None = None
    slipway_image_repository: str | None = None
    quay_organization: str | None = None
    slipway_ca_bundle: Path | None = Field(None, description="authorities to trust besides the public ones")

    def value(self, variable: str) -> str | None:
        """Return a variable's value in the clear, or None if it is not given."""
        found = getattr(self, variable.lower())
        return found.get_secret_value() if isinstance(found, SecretStr) else found

    def image_repository(self) -> str | None:
        """Return where runtime images go, or None if neither variable says so."""
        if self.slipway_image_repository or not self.quay_organization:
            return self.slipway_image_repository
        return f"docker://quay.io/{self.quay_organization}/slipway-vllm"

    def logins(self) -> dict[str, Any]:
        """Return the logins of the file that REGISTRY_AUTH_FILE names, by registry.

        Raises:
            LoginFileError: it cannot be read, or has another shape.
        """
        if self.registry_auth_file is None:
            return {}
        try:
            found = json.loads(self.registry_auth_file.read_text())["auths"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LoginFileError(file=self.registry_auth_file, reason=type(error).__name__) from None
        if not isinstance(found, dict):
            raise LoginFileError(file=self.registry_auth_file, reason="`auths` is no object")
        return found

    def unfit(self) -> list[str]:
        """Say what is wrong with the values that are given, without showing one."""
        problems = []
        for name in type(self).model_fields:
            value = self.value(name)
            if not isinstance(value, str):
                continue
            variable = name.upper()
            if name in _IN_ADDRESSES and not _PLAIN.fullmatch(value):
                problems.append(f"{variable} becomes part of an address: use only letters, digits and . _ ~ -")
            shortest = next((least for end, least in _SHORTEST.items() if name.endswith(end)), 0)
            if len(value) < shortest:
                problems.append(f"{variable} has fewer than the {shortest} characters that MinIO wants")
        auth = self.value("prefect_api_auth_string")
        if auth is not None and not all(auth.partition(":")[::2]):
            problems.append("PREFECT_API_AUTH_STRING is not of the form name:password")
        return problems
