"""What the weights must turn out to be: the declared identity that the Hub's files are compared with."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from deployments.spec.section import Count, Section, Text, problem

_DTYPE_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


class Quantization(Section):
    """How the weights are packed, in the words of the repository's `quantization_config`.

    Attributes:
        method: `quant_method`, for example "compressed-tensors".
        format: the packing, for example "pack-quantized".
        bits: bits of one weight.
        group_size: weights that share one scale.
    """

    method: Text
    format: Text
    bits: Literal[2, 3, 4, 8]
    group_size: Count


class Identity(Section):
    """The model behind the name; an import is refused in seconds if the Hub serves another one.

    Once a run named "24B" imported a 12B model, because nothing compared the two.

    Attributes:
        architecture: the first of `architectures` in config.json.
        layers: transformer blocks.
        hidden_size: width of the residual stream.
        intermediate_size: width of the MLP.
        attention_heads: query heads.
        kv_heads: key and value heads.
        head_dim: width of one head; not always hidden_size / attention_heads.
        vocab_size: rows of the embedding.
        context_length: `max_position_embeddings`, in tokens.
        parameters: weights of the model; packed ones count unpacked, their scales and shapes do not count.
        dtype: the type of unpacked tensors, and of the KV cache.
        quantization: the packing of the weights; None where they are stored as `dtype`.
    """

    architecture: Text
    layers: Count
    hidden_size: Count
    intermediate_size: Count
    attention_heads: Count
    kv_heads: Count
    head_dim: Count
    vocab_size: Count
    context_length: Count
    parameters: Count
    dtype: Literal["bfloat16", "float16", "float32"]
    quantization: Quantization | None = None

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.attention_heads % self.kv_heads:
            raise problem(
                f"{self.kv_heads} does not divide attention_heads, which is {self.attention_heads}; "
                "copy num_key_value_heads from config.json",
                key="kv_heads",
            )
        return self

    @property
    def kv_cache_bytes_per_token(self) -> int:
        """Bytes of KV cache that one token takes over all layers: a key and a value for each KV head."""
        return 2 * self.layers * self.kv_heads * self.head_dim * _DTYPE_BYTES[self.dtype]
