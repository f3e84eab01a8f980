"""What each replica's repository holds: the weights and every other file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import architectures, awq, documents, seeded, tokenizers, w4a16
from .architectures import Architecture
from .consolidated import consolidated
from .documents import Document
from .noise import noisy
from .tensors import Tensor
from .weight_files import read_file

SEED = 20250130

_TRAINED = Path(__file__).parent / "data" / "mistral" / "weights.safetensors"


@dataclass(frozen=True)
class Repository:
    """The contents of a model repository.

    Attributes:
        weights: the tensors, in the order of the shards.
        shards: the number of weight files, if the caller of the builder does not say.
        documents: the other files by name; a dict becomes JSON.
        extra_weights: weight files that are not shards, by name.
    """

    weights: list[Tensor]
    shards: int
    documents: dict[str, Document | str]
    extra_weights: dict[str, list[Tensor]] = field(default_factory=dict)


def full(noise: float | None = None) -> Repository:
    """Mistral Small in BF16, with the real repository's traps: the same weights again, and Mistral's own files."""
    architecture, weights = architectures.MISTRAL_SMALL, _trained(noise)
    files = _mistral_documents(architecture, real="Mistral-Small-24B-Instruct-2501", share="1/25,000")
    files |= {"params.json": documents.params(architecture), "tekken.json": tokenizers.tekken()}
    extra = {"consolidated.safetensors": consolidated(weights, architecture=architecture)}
    return Repository(weights, shards=10, documents=files, extra_weights=extra)


def quantized(noise: float | None = None) -> Repository:
    """The W4A16 twin of `full`, packed from the same weights; embedding, norms and output layer stay BF16."""
    architecture = architectures.MISTRAL_SMALL
    linears = {f"{name}.weight" for name in architecture.linears()}
    weights: list[Tensor] = []
    for tensor in _trained(noise):
        weights += w4a16.compress(tensor) if tensor.name in linears else [tensor]
    files = _mistral_documents(
        architecture,
        real="Mistral-Small-24B-Instruct-2501-quantized.w4a16",
        share="1/25,000",
        extra_config={"quantization_config": documents.compressed_tensors()},
    )
    return Repository(weights, shards=3, documents={**files, "recipe.yaml": documents.recipe()})


def smollm2() -> Repository:
    """SmolLM2: one file of seeded weights, tied embeddings, a GPT-2-like tokenizer."""
    architecture, tokens = architectures.SMOLLM2, tokenizers.SMOLLM2_TOKENS
    files: dict[str, Document | str] = {
        "README.md": documents.card("SmolLM2-135M-Instruct", share="1/275", weights=documents.SEEDED),
        "config.json": documents.config(architecture, model_type="llama", tokens=tokens),
        "generation_config.json": documents.generation_config(tokens),
        **tokenizers.smollm2_files(),
    }
    return Repository(seeded.weights(architecture, seed=SEED), shards=1, documents=files)


def nemo12b() -> Repository:
    """Mistral Nemo 12B in AWQ: complete and sound, but not the model that the catalog declares."""
    architecture = architectures.MISTRAL_NEMO
    files = _mistral_documents(
        architecture,
        real="Mistral-Nemo-Instruct-2407-AWQ",
        share="1/20,000",
        weights=documents.SEEDED,
        dtype="float16",
        extra_config={"quantization_config": documents.awq_quantization()},
    )
    return Repository(awq.weights(architecture, seed=SEED), shards=2, documents=files)


TRAINED: dict[str, Callable[[float | None], Repository]] = {"full": full, "quantized": quantized}
"""Those that answer better than chance, so that noise makes them worse."""

BUILDERS: dict[str, Callable[[], Repository]] = {
    "full": full,
    "quantized": quantized,
    "smollm2": smollm2,
    "nemo12b": nemo12b,
}


def _trained(noise: float | None) -> list[Tensor]:
    sound = read_file(_TRAINED)
    return list(sound if noise is None else noisy(sound, share=noise, seed=SEED))


def _mistral_documents(
    architecture: Architecture,
    *,
    real: str,
    share: str,
    weights: str = documents.TRAINED,
    dtype: str = "bfloat16",
    extra_config: Document | None = None,
) -> dict[str, Document | str]:
    tokens = tokenizers.MISTRAL_TOKENS
    config = documents.config(architecture, model_type="mistral", tokens=tokens, dtype=dtype)
    return {
        "README.md": documents.card(real, share=share, weights=weights),
        "config.json": config | (extra_config or {}),
        "generation_config.json": documents.generation_config(tokens),
        **tokenizers.mistral_files(),
    }
