"""The sandbox's replicas: are they what they stand in for, and the same every time?"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors

from deployments import catalog
from sandbox import replicas
from sandbox.replicas import w4a16
from sandbox.replicas.tensors import Floats, Tensor, bytes_of, floats_of, round_to_bfloat16
from sandbox.replicas.weight_files import read_file

OVERLAY = Path(catalog.__file__).parents[1] / "sandbox" / "models"
CATALOG_KEYS = ("full", "quantized", "smollm2")


def build(name: str, folder: Path, **options: float | None) -> Path:
    """Build a replica and return its folder."""
    replicas.build(name, folder, **options)  # type: ignore[arg-type]  # numbers of each option's own kind
    return folder


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of all shards, by name."""
    return {tensor.name: tensor for shard in sorted(folder.glob("model*.safetensors")) for tensor in read_file(shard)}


def shard_bytes(folder: Path) -> int:
    """The size of all shards together."""
    return sum(path.stat().st_size for path in folder.glob("model*.safetensors"))


@pytest.mark.parametrize("name", replicas.NAMES)
def test_equal_arguments_give_equal_bytes(name: str, tmp_path: Path) -> None:
    """A second `make demo` would import everything anew if a rebuilt replica had other bytes."""
    assert digests(build(name, tmp_path / "a")) == digests(build(name, tmp_path / "b"))


@pytest.mark.parametrize("name", ["full", "quantized", "nemo12b"])
def test_index_names_every_tensor_in_its_shard(name: str, tmp_path: Path) -> None:
    """The import refuses a repository whose index does not match its shards."""
    folder = build(name, tmp_path)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    placed = {tensor.name: shard.name for shard in folder.glob("model-*.safetensors") for tensor in read_file(shard)}
    assert index["weight_map"] == placed
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in tensors(folder).values())


@pytest.mark.parametrize("name", replicas.NAMES)
def test_official_reader_opens_every_weight_file(name: str, tmp_path: Path) -> None:
    """Engines and the Hub's client read weights by the safetensors library, which is strict about the header."""
    for path in build(name, tmp_path).glob("*.safetensors"):
        ours = {tensor.name: tensor for tensor in read_file(path)}
        with safetensors.safe_open(path, framework="np") as file:
            assert set(file.keys()) == set(ours)
            assert all(tuple(file.get_slice(name).get_shape()) == tensor.shape for name, tensor in ours.items())


@pytest.mark.parametrize("key", CATALOG_KEYS)
def test_overlay_declares_what_the_replica_is(key: str, tmp_path: Path) -> None:
    """`make demo` would stop at the identity check if the overlay's numbers were not the replica's."""
    declared = catalog.load(key, overlay=OVERLAY).identity.model_dump(exclude_none=True)
    assert declared == replicas.identity(build(key, tmp_path))


def test_quantized_has_the_parameters_of_full(tmp_path: Path) -> None:
    """The two variants are one model: a twin with fewer weights would make their comparison worthless."""
    full = replicas.identity(build("full", tmp_path / "full"))
    quantized = replicas.identity(build("quantized", tmp_path / "quantized"))
    assert quantized["parameters"] == full["parameters"] == 951_168


def test_quantized_weights_are_within_half_a_step_of_full(tmp_path: Path) -> None:
    """A packing error would show as a bad accuracy of the quantized model, far from its cause."""
    full, packed = tensors(build("full", tmp_path / "full")), tensors(build("quantized", tmp_path / "quantized"))
    layers = [name.removesuffix("_packed") for name in packed if name.endswith(".weight_packed")]
    for layer in layers:
        scales = floats_of(packed[f"{layer}_scale"])
        words = np.frombuffer(bytes_of(packed[f"{layer}_packed"]), "<i4").reshape(packed[f"{layer}_packed"].shape)
        error = np.abs(w4a16.dequantize(w4a16.unpack(words), scales) - floats_of(full[layer]))
        # BF16 rounds the scale and the quotient, so half a step becomes a little more.
        assert np.all(error <= 0.53 * np.repeat(scales, w4a16.GROUP, axis=1))
    assert len(layers) == 21


def test_quantized_leaves_embedding_norms_and_output_alone(tmp_path: Path) -> None:
    """The engine expects the layers under `ignore`, and all that is not linear, in BF16."""
    full, packed = tensors(build("full", tmp_path / "full")), tensors(build("quantized", tmp_path / "quantized"))
    kept = {"lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"}
    assert kept <= set(packed)
    assert all(bytes_of(packed[name]) == bytes_of(full[name]) for name in set(packed) & set(full))


def test_first_weight_is_in_the_lowest_bits() -> None:
    """Engines unpack from the lowest bits; the other order gives fluent nonsense."""
    assert w4a16.pack(np.array([[-8, -7, 0, 1, 2, 3, 4, 7]], np.int8)).view("<u4").tolist() == [[0xFCBA9810]]


def test_inputs_that_no_group_divides_are_refused() -> None:
    """A scale that covers a part of a group would shift all weights after it."""
    with pytest.raises(ValueError, match="100 inputs are no multiple of the quantization group 128"):
        w4a16.quantize(np.zeros((2, 100), np.float32))


def test_bfloat16_rounds_to_nearest_and_ties_to_even() -> None:
    """Truncated scales would make every quantized weight a little too small."""
    values: Floats = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-7 + 2**-9], np.float32)
    assert round_to_bfloat16(values).tolist() == [1.0, 1.0, 1 + 2**-6, 1 + 2**-7]


def test_full_holds_the_traps_of_the_real_repository(tmp_path: Path) -> None:
    """`consolidated.safetensors` once doubled an import to 90 GB: the sandbox must tempt ours to do it again."""
    names = set(digests(build("full", tmp_path)))
    assert {"consolidated.safetensors", "params.json", "tekken.json", "model-00001-of-00010.safetensors"} <= names


def test_consolidated_holds_the_same_weights_again(tmp_path: Path) -> None:
    """A trap with other weights would be found by its size, and would prove nothing."""
    folder = build("full", tmp_path)
    consolidated = {tensor.name: tensor for tensor in read_file(folder / "consolidated.safetensors")}
    again = bytes_of(consolidated["layers.0.feed_forward.w2.weight"])
    assert again == bytes_of(tensors(folder)["model.layers.0.mlp.down_proj.weight"])
    assert sum(tensor.nbytes for tensor in consolidated.values()) == 951_168 * 2


def test_smollm2_has_the_file_set_of_its_family(tmp_path: Path) -> None:
    """The one model without an index and with a GPT-2 tokenizer takes paths that the others do not."""
    assert set(digests(build("smollm2", tmp_path))) == {
        *("README.md", "config.json", "generation_config.json", "merges.txt", "model.safetensors"),
        *("special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"),
    }
    assert "lm_head.weight" not in tensors(tmp_path)


@pytest.mark.parametrize("name", replicas.NAMES)
def test_weights_are_at_most_two_megabytes(name: str, tmp_path: Path) -> None:
    """`make demo` must end in three minutes, and the trained weights are committed."""
    assert shard_bytes(build(name, tmp_path)) <= 2_000_000


def test_wrong_model_differs_in_every_respect_that_counts(tmp_path: Path) -> None:
    """A 12B model once passed as the 24B one: the stand-in must be sound and yet clearly another."""
    wrong, declared = replicas.identity(build("nemo12b", tmp_path)), catalog.load("quantized", overlay=OVERLAY).identity
    differing = {key for key, value in declared.model_dump().items() if key in wrong and wrong[key] != value}
    assert differing == {"layers", "intermediate_size", "parameters", "dtype", "quantization"}


@pytest.mark.parametrize(("name", "shards"), [("full", None), ("quantized", 1), ("smollm2", 1000)])
def test_filled_replica_has_exactly_the_size_asked(name: str, shards: int | None, tmp_path: Path) -> None:
    """Benchmarks report MB/s of a size that they trust."""
    folder = build(name, tmp_path, size_bytes=64 << 20, shards=shards)
    assert shard_bytes(folder) == 64 << 20


def test_filler_is_seeded_and_not_repeated(tmp_path: Path) -> None:
    """Filler that repeats would flatter a store that compresses or deduplicates."""
    replicas.build("smollm2", tmp_path, size_bytes=40 << 20)
    filler = bytes_of(tensors(tmp_path)["filler.00000.weight"])
    blocks = [filler[start : start + 4096] for start in range(0, len(filler), 4096)]
    assert len(set(blocks)) == len(blocks)


def test_size_that_the_weights_exceed_is_refused(tmp_path: Path) -> None:
    """A benchmark must not run with another size than it reports."""
    with pytest.raises(ValueError, match="cannot have 1024 bytes"):
        replicas.build("full", tmp_path, size_bytes=1024)


def test_small_files_are_added(tmp_path: Path) -> None:
    """The benchmark of a thousand small files needs them."""
    build("smollm2", tmp_path, small_files=1000)
    assert len(list(tmp_path.glob("extra-*.json"))) == 1000


def test_unknown_replica_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """A typing error should not cost a look into the code."""
    with pytest.raises(ValueError, match="Choose one of: full, quantized, smollm2, nemo12b"):
        replicas.build("large", tmp_path)


@pytest.mark.parametrize("name", ["full", "quantized", "smollm2"])
def test_card_says_that_it_is_a_replica(name: str, tmp_path: Path) -> None:
    """Nobody may take the replica's scores for the real model's."""
    assert "This is **not**" in (build(name, tmp_path) / "README.md").read_text()


def test_tekken_holds_the_same_tokens_in_the_same_order(tmp_path: Path) -> None:
    """Both tokenizer files of the full model must cut text alike, or one of the engines reads nonsense."""
    folder = build("full", tmp_path)
    tekken = json.loads((folder / "tekken.json").read_text())
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    assert len(tekken["special_tokens"]) + len(tekken["vocab"]) == len(vocabulary) == 1024
    assert [token["token_str"] for token in tekken["vocab"][32:127]] == [chr(code) for code in range(32, 127)]


def test_questions_have_the_schema_of_arc(tmp_path: Path) -> None:
    """lm-eval reads these fields; a missing one fails the evaluation in its last minutes."""
    replicas.build_dataset("allenai/ai2_arc", tmp_path)
    items = [json.loads(line) for line in (tmp_path / "ARC-Easy" / "test.jsonl").read_text().splitlines()]
    assert len(items) >= 100
    for item in items:
        assert set(item) == {"id", "question", "choices", "answerKey"}
        assert item["answerKey"] in item["choices"]["label"]
        assert len(set(item["choices"]["text"])) == len(item["choices"]["label"]) == 4


def test_beginnings_have_the_schema_of_hellaswag(tmp_path: Path) -> None:
    """As for ARC."""
    replicas.build_dataset("Rowan/hellaswag", tmp_path)
    items = [json.loads(line) for line in (tmp_path / "data" / "validation.jsonl").read_text().splitlines()]
    assert len(items) >= 100
    for item in items:
        assert set(item) == {
            *("ind", "activity_label", "ctx_a", "ctx_b", "ctx", "endings", "source_id", "split", "split_type", "label"),
        }
        assert item["endings"][int(item["label"])]
        assert len(set(item["endings"])) == 4


@pytest.mark.parametrize("name", ["full", "quantized"])
def test_a_damaged_replica_differs_in_nothing_but_its_numbers(name: str, tmp_path: Path) -> None:
    """A planted regression would be seen by a file's size, and not by the gate that it is for."""
    sound, damaged = build(name, tmp_path / "sound"), build(name, tmp_path / "damaged", noise=0.5)
    sizes = [{path.name: path.stat().st_size for path in folder.iterdir()} for folder in (sound, damaged)]
    assert sizes[0] == sizes[1]
    before, after = digests(sound), digests(damaged)
    changed = {file for file in before if before[file] != after[file]}
    assert changed == {file for file in before if file.endswith(".safetensors")}


@pytest.mark.parametrize(("name", "noise"), [("full", 0.0), ("smollm2", 0.5)])
def test_damage_that_is_none_is_refused(name: str, noise: float, tmp_path: Path) -> None:
    """A regression would be planted that no gate can see."""
    with pytest.raises(ValueError, match="noise"):
        build(name, tmp_path, noise=noise)
