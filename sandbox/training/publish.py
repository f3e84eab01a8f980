"""The data sets as repositories: the questions as JSON lines, and the card that says which file is which split."""

from pathlib import Path
from typing import Any

from . import tasks
from .corpus import Split

ITEMS = 160
"""Questions of the split that is scored."""

_OTHERS = 40  # lm-eval also opens the other splits, though nothing is scored there

_ARC_CARD = """---
configs:
  - config_name: ARC-Easy
    data_files:
      - split: train
        path: ARC-Easy/train.jsonl
      - split: validation
        path: ARC-Easy/validation.jsonl
      - split: test
        path: ARC-Easy/test.jsonl
---

# The sandbox's questions in the schema of ARC

These are **not** the questions of ARC. They ask for facts of slipway's small world that the replica's corpus left out;
`train` asks for facts that it tells.
"""

_HELLASWAG_CARD = """---
configs:
  - config_name: default
    data_files:
      - split: train
        path: data/train.jsonl
      - split: validation
        path: data/validation.jsonl
---

# The sandbox's beginnings in the schema of HellaSwag

These are **not** the texts of HellaSwag. They begin scenes of slipway's small world that the replica's corpus left out;
`train` begins scenes that it tells.
"""


def publish(folder: Path, told: Split, *, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Write both data sets below `folder`, each under its repository's name; returns the scored items by task."""
    arc, hellaswag = folder / "allenai" / "ai2_arc", folder / "Rowan" / "hellaswag"
    scored = {
        "arc_easy": tasks.arc_easy(told.asked_facts, items=ITEMS, seed=seed),
        "hellaswag": tasks.hellaswag(told.asked_scenes, items=ITEMS, seed=seed),
    }
    tasks.write(arc / "ARC-Easy" / "test.jsonl", scored["arc_easy"])
    tasks.write(hellaswag / "data" / "validation.jsonl", scored["hellaswag"])
    for split, number in (("train", seed + 1), ("validation", seed + 2)):
        items = tasks.arc_easy(told.told_facts, items=_OTHERS, seed=number)
        tasks.write(arc / "ARC-Easy" / f"{split}.jsonl", items)
    tasks.write(hellaswag / "data" / "train.jsonl", tasks.hellaswag(told.told_scenes, items=_OTHERS, seed=seed + 1))
    (arc / "README.md").write_text(_ARC_CARD)
    (hellaswag / "README.md").write_text(_HELLASWAG_CARD)
    return scored
