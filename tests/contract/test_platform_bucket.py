"""The bucket: its two users, its lifecycle rules, and the script that makes it so, run with an mc that records."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from tests.contract.platform_objects import OVERLAYS, PLATFORM, containers, named
from tests.contract.recording import recorder

overlays = pytest.mark.parametrize("overlay", OVERLAYS)
BUCKET = PLATFORM / "base" / "storage" / "bucket"


def policy(name: str) -> dict[str, set[str]]:
    """Return a bucket policy's actions by resource."""
    document: dict[str, Any] = json.loads((BUCKET / f"policy-{name}.json").read_text())
    assert {statement["Effect"] for statement in document["Statement"]} == {"Allow"}
    return {statement["Resource"][0]: set(statement["Action"]) for statement in document["Statement"]}


def test_the_user_that_reads_cannot_write() -> None:
    """A predictor could replace the weights that the next one serves."""
    assert policy("read") == {
        "arn:aws:s3:::llm-models": {"s3:GetBucketLocation", "s3:ListBucket"},
        "arn:aws:s3:::llm-models/*": {"s3:GetObject"},
    }


def test_the_user_that_imports_can_neither_purge_nor_open_the_bucket() -> None:
    """A stolen key could destroy older versions, or make the weights public."""
    actions = policy("import")
    assert actions["arn:aws:s3:::llm-models/*"] == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    }
    assert not {action for action in actions["arn:aws:s3:::llm-models"] if action.startswith(("s3:Put", "s3:Delete"))}


def test_the_lifecycle_rules_are_ones_that_s3_knows() -> None:
    """MinIO drops what it does not know without a word, and old versions would fill the disk."""
    document = json.loads((BUCKET / "lifecycle.json").read_text())
    model = ServiceModel(Loader().load_service_model("s3", "service-2"))
    report = ParamValidator().validate(document, model.shape_for("BucketLifecycleConfiguration"))
    assert not report.has_errors(), report.generate_report()
    assert {rule["ID"]: rule.get("NoncurrentVersionExpiration") for rule in document["Rules"]} == {
        "expire-noncurrent-versions": {"NoncurrentDays": 7},
        "expire-renewed-leases": {"NoncurrentDays": 1},
        "expire-delete-markers": None,
    }


@overlays
def test_unfinished_uploads_are_aborted(overlay: str) -> None:
    """Parts of dead imports would stay for ever: MinIO ignores the lifecycle rule that would remove them."""
    [server] = containers(named(overlay, "Deployment", "minio")["spec"]["template"])
    assert {"name": "MINIO_API_STALE_UPLOADS_EXPIRY", "value": "24h"} in server["env"]


def provision(folder: Path, mc: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run the bucket Job's script with an mc that behaves as `mc` says."""
    environment = recorder(folder, "mc", mc) | {
        "BUCKET": "llm-models",
        "SETTINGS": str(BUCKET),
        "IMPORT_ACCESS_KEY": "hush-import",
        "IMPORT_SECRET_KEY": "hush-import-secret",
        "READ_ACCESS_KEY": "hush-read",
        "READ_SECRET_KEY": "hush-read-secret",
        **changed,
    }
    script = ["sh", str(BUCKET / "provision.sh")]
    return subprocess.run(script, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_bucket_is_not_readable_by_anyone(tmp_path: Path) -> None:
    """The old bucket was public. The Job makes it private, versioned and tidied, whatever it was before."""
    done = provision(tmp_path, 'case "$*" in *import*|*add*) cat >>"$RECORDS/input" ;; esac')
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "arguments").read_text().splitlines()
    assert calls == [
        "ready platform",
        "mb --ignore-existing platform/llm-models",
        "version enable platform/llm-models",
        "anonymous set private platform/llm-models",
        "ilm rule import platform/llm-models",
        "admin user add platform",
        f"admin policy create platform import {BUCKET}/policy-import.json",
        "admin policy attach platform import --user hush-import",
        "admin user add platform",
        f"admin policy create platform read {BUCKET}/policy-read.json",
        "admin policy attach platform read --user hush-read",
    ]


def test_the_bucket_job_shows_no_secret_key(tmp_path: Path) -> None:
    """Arguments of a process are listed by anybody on the node, and a log is kept for weeks."""
    done = provision(tmp_path, 'case "$*" in *"user add"*) cat >>"$RECORDS/input" ;; esac')
    assert "secret" not in (tmp_path / "arguments").read_text()
    assert "hush" not in done.stdout + done.stderr
    assert (tmp_path / "input").read_text() == "hush-import\nhush-import-secret\nhush-read\nhush-read-secret\n"


def test_the_bucket_job_runs_again(tmp_path: Path) -> None:
    """To mc it is an error to attach a policy that is attached: the second install would fail."""
    refusal = "mc: <ERROR> The specified policy change is already in effect."
    done = provision(tmp_path, f'case "$*" in *attach*) echo "{refusal}" >&2; exit 1 ;; *add*) cat >/dev/null ;; esac')
    assert done.returncode == 0, done.stderr


def test_the_bucket_job_fails_when_a_policy_is_refused(tmp_path: Path) -> None:
    """The install would be green, and every import fail with 403."""
    done = provision(
        tmp_path, 'case "$*" in *attach*) echo "access denied" >&2; exit 1 ;; *add*) cat >/dev/null ;; esac'
    )
    assert done.returncode == 1
    assert done.stderr == "bucket: policy import was not attached: access denied\n"


def test_one_user_cannot_be_both_reader_and_writer(tmp_path: Path) -> None:
    """The same key in both Secrets would quietly give predictors the right to write."""
    done = provision(tmp_path, "exit 9", READ_ACCESS_KEY="hush-import")
    assert done.returncode == 1
    assert "Give KServe another" in done.stderr
    assert not (tmp_path / "arguments").exists()
