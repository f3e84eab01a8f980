"""The byte-level BPE tokenizer: learned from the corpus, written as Transformers reads it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 1024
BOS, EOS = 1, 2

# The names that the Mistral tool parser and chat formats look up, in the order of their ids.
_NAMED = [
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[TOOL_CALLS]", "[TOOL_CONTENT]", "<pad>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
]
_SPECIAL = [*_NAMED, *(f"<SPECIAL_{number}>" for number in range(len(_NAMED), 32))]

# Words with the space before them, single digits, runs of other signs.
_PATTERN = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"

_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}[SYSTEM_PROMPT]{{ message['content'] }}[/SYSTEM_PROMPT]"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}[INST]{{ message['content'] }}[/INST]{% endif %}{% endfor %}"
)


def train(texts: Iterable[str]) -> dict[str, Any]:
    """Learn the merges; the document of a tokenizer.json whose ids are special tokens, bytes in order, merges."""
    tokenizer = Tokenizer(models.BPE())
    splitting = pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated")
    to_letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([splitting, to_letters])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=_SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    document["model"]["vocab"] = _in_order(document["model"])
    document["post_processor"] = _begin_of_sequence()
    return document


def settings() -> dict[str, Any]:
    """The document of tokenizer_config.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1024,
        "chat_template": _CHAT,
    }


def write(folder: Path, document: dict[str, Any]) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    (folder / "tokenizer.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings(), indent=2) + "\n")


def _in_order(model: dict[str, Any]) -> dict[str, int]:
    # Mistral's own tokenizer format wants the 256 bytes first, in numeric order; the trainer sorts their letters.
    letters = [_letter(byte) for byte in range(256)]
    merged = [left + right for left, right in model["merges"]]
    tokens = [*_SPECIAL, *letters, *merged]
    if len(tokens) != VOCABULARY or len(set(tokens)) != VOCABULARY:
        raise ValueError(f"the corpus gives {len(tokens)} tokens, {len(set(tokens))} distinct, not {VOCABULARY}.")
    return {token: number for number, token in enumerate(tokens)}


def _letter(byte: int) -> str:
    # GPT-2's visible alphabet: printable Latin-1 stands for itself, the others follow from 256 on.
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    if byte in shown:
        return chr(byte)
    return chr(256 + [other for other in range(256) if other not in shown].index(byte))


def _begin_of_sequence() -> dict[str, Any]:
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [begin, {"Sequence": {"id": "A", "type_id": 0}}, begin, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}},
    }
