"""Writing a replica's repository into a folder, filled up to a size if asked."""

import json
from pathlib import Path

from . import seeded
from .repositories import BUILDERS, SEED, TRAINED
from .tensors import Tensor
from .weight_files import header_of, shard_names, split, write_file, write_index

NAMES = tuple(BUILDERS)

_SMALL_FILE = 4096  # bytes


def build(
    name: str,
    folder: Path,
    *,
    size_bytes: int | None = None,
    shards: int | None = None,
    small_files: int = 0,
    noise: float | None = None,
) -> None:
    """Write the replica `name` into `folder`. Equal arguments give equal bytes.

    Args:
        name: one of `NAMES`.
        folder: made if missing; files of the same names are replaced.
        size_bytes: fill up the shards with seeded numbers until all together have exactly this size.
            `consolidated.safetensors` is neither counted nor filled.
        shards: the number of weight files; by default as many as the real repository has.
        small_files: how many JSON files of 4 KiB to add.
        noise: damage the weights by so many of their standard deviations; files keep their names and sizes.

    Raises:
        ValueError: there is no such replica, it cannot be damaged, or its weights do not fit the size or the shards.
    """
    if name not in BUILDERS:
        raise ValueError(f"there is no replica {name!r}. Choose one of: {', '.join(NAMES)}.")
    if noise is not None and name not in TRAINED:
        raise ValueError(f"nobody trained {name}, so noise is no damage. Choose one of: {', '.join(TRAINED)}.")
    repository = BUILDERS[name]() if noise is None else TRAINED[name](noise)
    folder.mkdir(parents=True, exist_ok=True)
    _write_weights(folder, repository.weights, shards=shards or repository.shards, size_bytes=size_bytes)
    for path, tensors in repository.extra_weights.items():
        write_file(folder / path, tensors)
    for path, document in repository.documents.items():
        (folder / path).write_text(document if isinstance(document, str) else json.dumps(document, indent=2) + "\n")
    for number in range(small_files):
        text = json.dumps({"file": number})
        (folder / f"extra-{number:05d}.json").write_text(text.ljust(_SMALL_FILE - 1) + "\n")


def _write_weights(folder: Path, weights: list[Tensor], *, shards: int, size_bytes: int | None) -> None:
    if shards < 1 or (size_bytes is None and shards > len(weights)):
        raise ValueError(f"{len(weights)} tensors do not make {shards} shards. Ask for 1 to {len(weights)}.")
    placed = dict(zip(shard_names(shards), split(weights, shards=shards), strict=True))
    headers: dict[str, int] = {}
    if size_bytes is not None:
        headers = _fill(placed, size_bytes=size_bytes)
    for shard, held in placed.items():
        write_file(folder / shard, held, header_length=headers.get(shard))
    if shards > 1:
        write_index(folder, placed)


def _fill(placed: dict[str, list[Tensor]], *, size_bytes: int) -> dict[str, int]:
    """Add equal filler to all shards until their files have `size_bytes`; return the length of each one's header."""
    names = {shard: f"filler.{number:05d}.weight" for number, shard in enumerate(placed)}
    # A header is as long as the largest possible filler makes it: its length must not depend on the filler's.
    widest = size_bytes // 2 * 2
    headers = {
        shard: len(header_of([*held, seeded.filler(names[shard], widest, seed=SEED)])) for shard, held in placed.items()
    }
    taken = sum(8 + headers[shard] + sum(tensor.nbytes for tensor in held) for shard, held in placed.items())
    if size_bytes < taken or size_bytes % 2:
        raise ValueError(
            f"the weight files cannot have {size_bytes} bytes: weights and headers take {taken}, and filler comes in "
            "pairs of bytes. Ask for a larger and even size, or for fewer shards."
        )
    pairs = (size_bytes - taken) // 2
    for number, (shard, held) in enumerate(placed.items()):
        share = pairs * (number + 1) // len(placed) - pairs * number // len(placed)
        held.append(seeded.filler(names[shard], 2 * share, seed=SEED))
    return headers
