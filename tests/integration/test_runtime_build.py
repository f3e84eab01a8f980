"""The runtime image's build script with the machine's Buildah, into an image layout."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from blocks.image_distribution import Credentials, DistributionClient
from sandbox.base_image import BaseImageError, base_image
from tests.integration.docker_registry import PASSWORD, USER, Certificate, docker_registry, htpasswd

RECIPE = Path(__file__).resolve().parents[2] / "images" / "runtime"
BUILDER_CAPABILITIES = "-all,+setfcap,+setgid,+setuid"


@dataclass
class Build:
    """One run of the script in a folder of its own, named as the sandbox's can be: with a dot and a capital letter."""

    folder: Path
    base: str
    ca_bundle: str = ""
    containerfile: str = (RECIPE / "Containerfile").read_text()
    prefix: list[str] = field(default_factory=list)
    path: str = "/usr/sbin:/usr/bin:/sbin:/bin"
    destination: str = ""

    @property
    def layout(self) -> Path:
        """The image layout that it pushes to."""
        return self.folder / ".State" / "images"

    def run(self) -> subprocess.CompletedProcess[str]:
        """Build; the exit code is the caller's to judge."""
        context = self.folder / "context"
        context.mkdir(parents=True)
        (context / "Containerfile").write_text(self.containerfile)
        (context / "ca-bundle.pem").write_text(self.ca_bundle)
        credentials = self.folder / "auth.json"
        if not credentials.exists():
            credentials.write_text("{}")
        environment = {
            "PATH": self.path,
            "BASE_IMAGE": self.base,
            "DESTINATION": self.destination or f"oci:{self.layout}:abc",
            "IMAGE_TITLE": "slipway vLLM runtime",
            "INPUTS_TAG": "abc",
            "CONTEXT_DIR": str(context),
            "SCRATCH_DIR": str(self.folder / ".Scratch"),
            "TERMINATION_LOG": str(self.folder / "termination"),
            "REGISTRY_AUTH_FILE": str(credentials),
        }
        command = [*self.prefix, "/bin/sh", str(RECIPE / "build.sh")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def digest(self) -> str:
        """Build, and return what the script left as its termination message."""
        done = self.run()
        assert done.returncode == 0, done.stderr
        return (self.folder / "termination").read_text()

    def blob(self, digest: str) -> Any:  # noqa: ANN401 - a JSON document
        """Return a JSON document of the pushed image."""
        return json.loads((self.layout / "blobs" / digest.replace(":", "/")).read_bytes())

    def config(self, digest: str) -> dict[str, Any]:
        """Return the runtime part of an image's configuration."""
        config: dict[str, Any] = self.blob(self.blob(digest)["config"]["digest"])["config"]
        return config


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make the base image once."""
    if shutil.which("buildah") is None:
        pytest.skip("buildah is not installed: apt-get install -y buildah")
    return base_image(tmp_path_factory.mktemp("base") / "layout")


def test_the_reported_digest_is_the_pushed_one(tmp_path: Path, base: str) -> None:
    """The registry entry and the running pod are compared by this digest."""
    build = Build(tmp_path, base)
    digest = build.digest()
    [entry] = json.loads((build.layout / "index.json").read_text())["manifests"]
    assert (entry["digest"], entry["annotations"]["org.opencontainers.image.ref.name"]) == (digest, "abc")


def test_equal_inputs_give_an_equal_digest(tmp_path: Path, base: str) -> None:
    """A rebuild of the same inputs must be the same image, or an import would change what serves."""
    assert Build(tmp_path / "one", base).digest() == Build(tmp_path / "two", base).digest()


def test_a_registry_with_a_private_authority_and_a_login_is_pushed_to(tmp_path: Path, base: str) -> None:
    """In production the image goes to Quay or a company's registry: over TLS, with the mounted Secret."""
    certificate = Certificate.make(tmp_path)
    with docker_registry(tmp_path, certificate, auth=htpasswd(tmp_path)) as host:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        images = DistributionClient(
            host=host,
            name="org/slipway-vllm",
            credentials=Credentials(username_variable="U", password_variable="P", username=USER, password=PASSWORD),
            ca_bundle=str(certificate.file),
        )
        build = Build(tmp_path, base, ca_bundle=certificate.file.read_text(), destination=images.destination("abc"))
        assert build.digest() == images.digest_of("abc")


def test_failure_9_three_capabilities_are_enough_to_build(tmp_path: Path, base: str) -> None:
    """The earlier build ran privileged; a rootless one died on uid_map (docs/failures.md, row 9)."""
    limited = ["setpriv", "--no-new-privs", "--inh-caps", "-all", "--bounding-set", BUILDER_CAPABILITIES]
    assert Build(tmp_path, base, prefix=limited).digest().startswith("sha256:")


def test_failure_9_a_failed_push_reports_no_digest(tmp_path: Path, base: str) -> None:
    """The earlier digest was read before the push, and named an image that was never there.

    It is docs/failures.md, row 9.
    """
    build = Build(tmp_path, base)
    build.layout.parent.mkdir()
    build.layout.write_text("a file where the layout belongs")
    assert build.run().returncode != 0
    assert not (tmp_path / "termination").exists()


def test_the_image_is_what_the_platform_needs(tmp_path: Path, base: str) -> None:
    """The image must change what runs: no root, no way out, our roots, and where it comes from."""
    build = Build(tmp_path, base)
    config = build.config(build.digest())
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    assert config["User"] == "1001:0"
    assert {environment[name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "DO_NOT_TRACK")} == {"1"}
    assert environment["SSL_CERT_FILE"] == environment["REQUESTS_CA_BUNDLE"] == "/opt/slipway/ca/bundle.pem"
    assert config["Labels"]["org.opencontainers.image.base.name"] == base
    assert config["Labels"]["org.opencontainers.image.base.digest"] == base.rpartition(":")[2].replace("-", ":")


def test_the_images_roots_are_the_bases_and_ours(tmp_path: Path, base: str) -> None:
    """A bundle that replaces the base's roots breaks every public address, one that is not read every private one."""
    ours = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"
    check = "\nUSER 0\nRUN tail -n 2 /opt/slipway/ca/bundle.pem; grep -c BEGIN /opt/slipway/ca/bundle.pem\n"
    build = Build(tmp_path, base, ca_bundle=ours, containerfile=(RECIPE / "Containerfile").read_text() + check)
    lines = build.run().stdout.splitlines()
    at = lines.index("ours")
    assert int(lines[at + 2]) > 100


def test_a_failing_step_fails_the_build_with_its_own_words(tmp_path: Path, base: str) -> None:
    """The log's tail is all that a user sees of a failed build."""
    build = Build(tmp_path, base, containerfile="ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo no room >&2; exit 3\n")
    done = build.run()
    assert done.returncode != 0
    assert "no room" in done.stdout + done.stderr


def test_a_base_that_cannot_be_pulled_says_what_to_check(tmp_path: Path, base: str) -> None:
    """A wrong base must be named with the secret that may lack its registry."""
    done = Build(tmp_path, base.rpartition(":")[0] + ":other").run()
    assert done.returncode == 65
    assert "cannot be pulled. Check its name" in done.stderr


def test_a_container_without_buildah_says_so(tmp_path: Path, base: str) -> None:
    """'not found' in line 57 of a script is no help; the setting's name is."""
    empty = tmp_path / "bin"
    empty.mkdir()
    done = Build(tmp_path, base, path=str(empty)).run()
    assert done.returncode == 127
    assert "buildah is not installed here" in done.stderr
    assert "SLIPWAY_BUILDER_IMAGE" in done.stderr


def test_the_base_image_is_made_once(tmp_path: Path, base: str) -> None:
    """A demo that starts must not build its base each time; and two machines must have the same one."""
    assert base_image(tmp_path / "layout").rpartition(":")[2] == base.rpartition(":")[2]
    before = (tmp_path / "layout" / "index.json").stat().st_mtime_ns
    base_image(tmp_path / "layout")
    assert (tmp_path / "layout" / "index.json").stat().st_mtime_ns == before


def test_the_base_image_overwrites_no_other_folder(tmp_path: Path) -> None:
    """A mistyped folder must not be emptied."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BaseImageError, match="left alone"):
        base_image(tmp_path)
