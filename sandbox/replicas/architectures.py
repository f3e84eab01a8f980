"""The replicas' architectures: the real ones' proportions in a small part of the size."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """The sizes of a Llama-like decoder with grouped-query attention.

    Attributes:
        name: the class that engines look up, as in config.json.
        layers: the number of decoder layers.
        hidden_size: the width of the residual stream.
        intermediate_size: the width inside the feed-forward part.
        attention_heads: query heads.
        kv_heads: key and value heads; a divisor of `attention_heads`.
        head_dim: the width of a head. As in the real Mistral Small, heads x head_dim is not the hidden size.
        vocab_size: the rows of the embedding.
        context_length: the longest sequence that it was trained on, in tokens.
        tied: whether the output layer is the embedding again.
        rope_theta: the base of the rotary embedding's frequencies.
    """

    name: str
    layers: int
    hidden_size: int
    intermediate_size: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    context_length: int
    tied: bool
    rope_theta: float = 10_000.0

    def linears(self) -> dict[str, tuple[int, int]]:
        """The linear layers of the decoder, by name: (outputs, inputs)."""
        queries, keys = self.attention_heads * self.head_dim, self.kv_heads * self.head_dim
        within = {
            "self_attn.q_proj": (queries, self.hidden_size),
            "self_attn.k_proj": (keys, self.hidden_size),
            "self_attn.v_proj": (keys, self.hidden_size),
            "self_attn.o_proj": (self.hidden_size, queries),
            "mlp.gate_proj": (self.intermediate_size, self.hidden_size),
            "mlp.up_proj": (self.intermediate_size, self.hidden_size),
            "mlp.down_proj": (self.hidden_size, self.intermediate_size),
        }
        return {f"model.layers.{layer}.{name}": shape for layer in range(self.layers) for name, shape in within.items()}

    def others(self) -> dict[str, tuple[int, ...]]:
        """The tensors that are never quantized, by name: embedding, norms, output layer."""
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocab_size, self.hidden_size)}
        for layer in range(self.layers):
            shapes[f"model.layers.{layer}.input_layernorm.weight"] = (self.hidden_size,)
            shapes[f"model.layers.{layer}.post_attention_layernorm.weight"] = (self.hidden_size,)
        shapes["model.norm.weight"] = (self.hidden_size,)
        if not self.tied:
            shapes["lm_head.weight"] = (self.vocab_size, self.hidden_size)
        return shapes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """All tensors of the unquantized model, by name, in the order of the files."""
        linears = {f"{name}.weight": shape for name, shape in self.linears().items()}
        return dict(sorted({**self.others(), **linears}.items()))


MISTRAL_SMALL = Architecture(
    name="MistralForCausalLM",
    layers=3,
    hidden_size=128,
    intermediate_size=384,
    attention_heads=8,
    kv_heads=2,
    head_dim=32,
    vocab_size=1024,
    context_length=1024,
    tied=False,
)
"""In place of Mistral Small 24B; every input width is a multiple of the quantization group, 128."""

MISTRAL_NEMO = Architecture(
    name="MistralForCausalLM",
    layers=2,
    hidden_size=128,
    intermediate_size=256,
    attention_heads=8,
    kv_heads=2,
    head_dim=32,
    vocab_size=1024,
    context_length=1024,
    tied=False,
)
"""In place of Mistral Nemo 12B, the model that was once imported as the 24B one."""

SMOLLM2 = Architecture(
    name="LlamaForCausalLM",
    layers=4,
    hidden_size=96,
    intermediate_size=256,
    attention_heads=3,
    kv_heads=1,
    head_dim=32,
    vocab_size=1024,
    context_length=1024,
    tied=True,
)
"""In place of SmolLM2 135M."""
