"""Secrets are taken out of what is shown or stored."""

from __future__ import annotations

import pytest

from k8s.redaction import HIDDEN, redacted, redacted_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("using hf_abcdefghijklmnopqrstuv now", "using (hidden) now"),
        ("key AKIAABCDEFGHIJKLMNOP used", "key (hidden) used"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer (hidden)"),
        ("http://user:pass-word@minio:9000/x", "http://(hidden)@minio:9000/x"),
        ("GET /x?X-Amz-Signature=0123abcd&a=b", "GET /x?X-Amz-Signature=(hidden)&a=b"),
        ("AWS_SECRET_ACCESS_KEY='abcdefghi'", "AWS_SECRET_ACCESS_KEY='(hidden)'"),
        ("{'password': 'correct-horse'}", "{'password': '(hidden)'}"),
    ],
)
def test_failure_16_a_secret_in_a_log_is_hidden(text: str, shown: str) -> None:
    """Ten characters of HF_TOKEN were printed (docs/failures.md, row 16)."""
    assert redacted_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "max_num_batched_tokens=2048, tokenizer='/mnt/models', tokenizer_mode=auto",
        "Avg prompt throughput: 12.0 tokens/s, sha256:0123456789abcdef",
        "api_key=None",
    ],
)
def test_an_engines_own_words_stay(text: str) -> None:
    """A log without its numbers explains nothing."""
    assert redacted_text(text) == text


def test_an_object_keeps_its_shape_and_loses_its_values() -> None:
    """What is missing must still be seen: the names of keys and references."""
    reference = {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "id"}}}
    thing = {
        "kind": "Pod",
        "metadata": {
            "name": "m",
            "managedFields": [{"manager": "kubelet"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{all of it}", "a": "b"},
        },
        "spec": {"containers": [{"env": [{"name": "HF_TOKEN", "value": "short"}, reference]}]},
    }
    assert redacted(thing) == {
        "kind": "Pod",
        "metadata": {"name": "m", "annotations": {"a": "b"}},
        "spec": {"containers": [{"env": [{"name": "HF_TOKEN", "value": HIDDEN}, reference]}]},
    }


def test_a_secret_shows_only_its_keys() -> None:
    """A Secret that gets into a bundle by mistake must not be one any more."""
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"HF_TOKEN": "eA=="}}
    assert redacted(secret)["data"] == {"HF_TOKEN": HIDDEN}
