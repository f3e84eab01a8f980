"""Check the quantized replica against the compressed-tensors package: `python -m sandbox.training.check_packing`.

The package quantizes the full replica's weights by its own code; every tensor must equal ours bit by bit, and its
reading of ours must be what we say that an engine computes with.
"""

import json
import tempfile
from pathlib import Path

import torch
from compressed_tensors.compressors.pack_quantized import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationConfig, QuantizationScheme
from compressed_tensors.quantization.utils import calculate_qparams
from safetensors.torch import load_file

from sandbox import replicas
from sandbox.replicas import w4a16


def main() -> None:
    """Build both replicas, compare all quantized layers, print how many there are.

    Raises:
        SystemExit: a tensor differs.
    """
    with tempfile.TemporaryDirectory() as folder:
        full, quantized = (_load(name, Path(folder) / name) for name in ("full", "quantized"))
        config = json.loads((Path(folder) / "quantized" / "config.json").read_text())["quantization_config"]
    parsed = QuantizationConfig.model_validate(config)
    scheme = parsed.config_groups["group_0"]
    if parsed.format != "pack-quantized" or not scheme.weights.symmetric:
        raise SystemExit(f"compressed-tensors reads another format from config.json: {parsed}")
    layers = sorted(name.removesuffix("_packed") for name in quantized if name.endswith(".weight_packed"))
    for layer in layers:
        _compare(
            layer, full[layer], {part: quantized[f"{layer}_{part}"] for part in ("packed", "scale", "shape")}, scheme
        )
    untouched = sorted(set(full) & set(quantized))
    if not all(torch.equal(full[name], quantized[name]) for name in untouched):
        raise SystemExit("a tensor that is not quantized differs between the replicas.")
    print(f"{len(layers)} packed layers are equal bit by bit, {len(untouched)} other tensors are untouched")


def _compare(layer: str, weight: torch.Tensor, ours: dict[str, torch.Tensor], scheme: QuantizationScheme) -> None:
    groups = weight.unflatten(-1, (-1, w4a16.GROUP))
    scale, zero_point = calculate_qparams(groups.amin(-1), groups.amax(-1), scheme.weights)
    state = {"weight": weight, "weight_scale": scale, "weight_zero_point": zero_point}
    theirs = PackedQuantizationCompressor.compress(state, scheme)
    for part, tensor in ours.items():
        if tensor.dtype != theirs[f"weight_{part}"].dtype or not torch.equal(tensor, theirs[f"weight_{part}"]):
            raise SystemExit(f"{layer}_{part} differs from what compressed-tensors makes.")
    read = PackedQuantizationCompressor.decompress({f"weight_{part}": tensor for part, tensor in ours.items()}, scheme)
    integers = w4a16.unpack(ours["packed"].numpy())
    expected = torch.tensor(w4a16.dequantize(integers, ours["scale"].float().numpy())).to(torch.bfloat16)
    if not torch.equal(read["weight"], expected):
        raise SystemExit(f"compressed-tensors reads other numbers from {layer} than ours.")


def _load(name: str, folder: Path) -> dict[str, torch.Tensor]:
    replicas.build(name, folder)
    return {
        key: value for shard in sorted(folder.glob("model*.safetensors")) for key, value in load_file(shard).items()
    }


if __name__ == "__main__":
    main()
