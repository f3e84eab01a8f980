"""Mistral's own file of the same weights: `consolidated.safetensors`, the trap that doubles an import."""

from .architectures import Architecture
from .tensors import Tensor, bfloat16_tensor, floats_of

_NAMES = {
    "model.embed_tokens": "tok_embeddings",
    "model.norm": "norm",
    "lm_head": "output",
    "self_attn.q_proj": "attention.wq",
    "self_attn.k_proj": "attention.wk",
    "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
}


def consolidated(weights: list[Tensor], *, architecture: Architecture) -> list[Tensor]:
    """The weights under Mistral's names and, for queries and keys, in its order of rows."""
    renamed = [_rotary_order(tensor, architecture=architecture).renamed(_native(tensor.name)) for tensor in weights]
    return sorted(renamed, key=lambda tensor: tensor.name)


def _native(name: str) -> str:
    module = name.removesuffix(".weight")
    layer = ""
    if module.startswith("model.layers."):
        _, _, number, module = module.split(".", 3)
        layer = f"layers.{number}."
    return f"{layer}{_NAMES[module]}.weight"


def _rotary_order(tensor: Tensor, *, architecture: Architecture) -> Tensor:
    # Mistral's code rotates neighbouring rows of a head, Transformers' the first with the second half.
    if not tensor.name.endswith(("q_proj.weight", "k_proj.weight")):
        return tensor
    rows, columns = tensor.shape
    halves = floats_of(tensor).reshape(-1, 2, architecture.head_dim // 2, columns)
    return bfloat16_tensor(tensor.name, halves.swapaxes(1, 2).reshape(rows, columns))
