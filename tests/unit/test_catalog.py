"""The catalog: a file is a model, and an error says where to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments import catalog
from deployments.catalog import keys
from deployments.errors import CatalogError, UnknownModelError


def replaced(models: Path, old: str, new: str) -> str:
    """Change one line of the quantized model, and return what the catalog says of it."""
    file = models / "quantized.yaml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    with pytest.raises(CatalogError) as refused:
        catalog.load("quantized", folder=models)
    return str(refused.value)


AGAIN = "Mend it, then run `python -m deployments check`"


def test_every_file_is_a_model() -> None:
    """A model of the catalog could not be imported."""
    assert {key: catalog.load(key).key for key in keys()} == {
        "full": "full",
        "quantized": "quantized",
        "smollm2": "smollm2",
    }


def test_a_new_file_is_a_new_model(models: Path) -> None:
    """A new model would need a change of code."""
    (models / "mine.yaml").write_text((models / "quantized.yaml").read_text().replace("quantized-w4a16", "mine"))
    assert keys(models) == ["mine", "quantized"]
    assert catalog.load("mine", folder=models).prefix == "Mistral-Small-24B-Instruct/mine/"


@pytest.mark.parametrize("key", ["quantised", "", "../models/quantized", "quantized.yaml"])
def test_an_unknown_model_is_answered_with_the_known_ones(key: str, models: Path) -> None:
    """Somebody who mistyped a model would have to look for the catalog."""
    with pytest.raises(UnknownModelError, match=r"the catalog knows quantized\. See them with `python -m deployments"):
        catalog.load(key, folder=models)


def test_a_typo_is_answered_with_the_key_that_was_meant(models: Path) -> None:
    """A mistyped key would be ignored, and its default taken."""
    said = replaced(models, "  load_seconds: 120", "  load_second: 120")
    assert "- models/quantized.yaml: serving.load_seconds: is missing; add it" in said
    assert "serving.load_second: is no key that a spec has (did you mean 'load_seconds'?)" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: quantized-w4a16", "version: a/b", "version: 'a/b' cannot be one level of an S3 prefix"),
        ("  layers: 40", "  layers: forty", "identity.layers: is 'forty', but input should be a valid integer"),
        ("  serve_from: s3", "  serve_from: nfs", "storage.serve_from: is 'nfs', but must be one of 's3', 'pvc'"),
        ("operator: Exists", "operator: Is", "serving.tolerations.0.operator: is 'Is', but input should be"),
        ("requests: { cpu: 6", "requests: { cpus: 6", "serving.resources.requests.cpus: is 'cpus', but input should"),
        ("  container_concurrency: 16", "  container_concurrency: 32", "serving.container_concurrency: 32 is not"),
        ("  prompt_tokens: 512", "  prompt_tokens: 32768", "benchmark.prompt_tokens: prompt and output have"),
    ],
)
def test_an_error_names_the_file_the_key_and_the_remedy(models: Path, old: str, new: str, said: str) -> None:
    """Somebody who edits a model would have to guess which line is meant."""
    message = replaced(models, old, new)
    assert message.startswith(f"models/quantized.yaml: {said}")
    assert message.endswith(AGAIN)


def test_a_key_of_one_kind_of_storage_is_blamed_without_its_tag(models: Path) -> None:
    """The error would name a key that the file does not have."""
    said = replaced(models, "  serve_from: s3", "  { serve_from: pvc, claim: w, siz: 1Gi, access_mode: ReadWriteOnce }")
    assert "- models/quantized.yaml: storage.size: is missing; add it" in said
    assert "- models/quantized.yaml: storage.siz: is no key that a spec has (did you mean 'size'?)" in said


def test_a_repeated_key_is_refused(models: Path) -> None:
    """YAML would silently take the last value."""
    said = replaced(models, "  layers: 40", "  layers: 40\n  layers: 41")
    assert said.startswith("models/quantized.yaml:19: is no valid YAML: the key 'layers' comes twice")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "models/quantized.yaml: holds no mapping"),
        ("- a", "models/quantized.yaml: holds no mapping"),
        ("a: [", "models/quantized.yaml:1: is no valid YAML"),
        ("1: a", "models/quantized.yaml:1: is no valid YAML: the key '1' is not a text"),
        ("a: !!python/object/apply:os.getcwd []", "models/quantized.yaml:1: is no valid YAML"),
        (b"\xff\xfe\x00", "models/quantized.yaml: is no valid YAML"),
        ("key: quantized", "models/quantized.yaml: key: comes from the files' own names; remove it"),
    ],
)
def test_a_file_that_is_no_model_is_refused(models: Path, content: str | bytes, said: str) -> None:
    """A broken file would end in a traceback, or run code."""
    file = models / "quantized.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CatalogError) as refused:
        catalog.load("quantized", folder=models)
    assert str(refused.value).startswith(said)


def test_check_goes_on_after_a_broken_file(models: Path) -> None:
    """Errors would have to be found one by one."""
    (models / "broken.yaml").write_text("a: [")
    (models / "empty.yaml").write_text("{}")
    found = dict(catalog.problems(folder=models))
    assert [(key, bool(problems)) for key, problems in found.items()] == [
        ("broken", True),
        ("empty", True),
        ("quantized", False),
    ]
