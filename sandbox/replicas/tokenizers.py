"""The tokenizer's files in each family's dress, all from the one byte-level BPE that the training made."""

import base64
import json
from functools import cache
from pathlib import Path

from .documents import Document

MISTRAL_TOKENS = {"bos": 1, "eos": 2}
SMOLLM2_TOKENS = {"bos": 1, "eos": 2}

_TRAINED = Path(__file__).parent / "data" / "mistral"
_BYTES = 256

_CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def mistral_files() -> dict[str, Document]:
    """The files by which Transformers and vLLM read the Mistral replicas' text."""
    settings = json.loads((_TRAINED / "tokenizer_config.json").read_text())
    marks = {name: settings[name] for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    return {"tokenizer.json": _trained(), "tokenizer_config.json": settings, "special_tokens_map.json": marks}


def tekken() -> Document:
    """Mistral's own tokenizer file: the same tokens as bytes, ranked in the order of their merging."""
    document = _trained()
    special = [
        {"rank": token["id"], "token_str": token["content"], "is_control": True} for token in document["added_tokens"]
    ]
    plain = sorted(document["model"]["vocab"].items(), key=lambda item: item[1])[len(special) :]
    raw = [_raw(token) for token, _ in plain]
    vocabulary = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": _readable(token)}
        for rank, token in enumerate(raw)
    ]
    settings = {
        "pattern": document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"],
        "num_vocab_tokens": len(raw),
        "default_vocab_size": len(document["model"]["vocab"]),
        "default_num_special_tokens": len(special),
        "version": "v7",
    }
    return {"config": settings, "vocab": vocabulary, "special_tokens": special}


def smollm2_files() -> dict[str, Document | str]:
    """The files of a GPT-2-like tokenizer: the same merges, other special tokens, two files more."""
    document = json.loads(json.dumps(_trained()))
    old = [token["content"] for token in document["added_tokens"]]
    new = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|reserved_{n}|>" for n in range(3, len(old)))]
    names = dict(zip(old, new, strict=True))
    for token in document["added_tokens"]:
        token["content"] = names[token["content"]]
    model = document["model"]
    model["vocab"] = {names.get(token, token): number for token, number in model["vocab"].items()}
    model["unk_token"] = new[0]
    document["post_processor"] = document["decoder"]
    marks = {"bos_token": new[1], "eos_token": new[2], "pad_token": new[2], "unk_token": new[0]}
    settings = {
        "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1024,
        "chat_template": _CHATML,
        **marks,
    }
    return {
        "tokenizer.json": document,
        "tokenizer_config.json": settings,
        "special_tokens_map.json": marks,
        "vocab.json": model["vocab"],
        "merges.txt": "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in model["merges"]),
    }


@cache
def _trained() -> Document:
    document: Document = json.loads((_TRAINED / "tokenizer.json").read_text())
    return document


def _raw(token: str) -> bytes:
    return bytes(_byte_of_letter()[letter] for letter in token)


@cache
def _byte_of_letter() -> dict[str, int]:
    # Byte-level BPE writes each byte as a visible letter; the training put the bytes first, in order.
    document = _trained()
    first = len(document["added_tokens"])
    letters = sorted(document["model"]["vocab"].items(), key=lambda item: item[1])[first : first + _BYTES]
    return {letter: number - first for letter, number in letters}


def _readable(token: bytes) -> str | None:
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None
