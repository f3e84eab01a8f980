"""The two multiple-choice data sets, in the schemas of ARC (Easy) and HellaSwag, about what the corpus left out."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .corpus import Fact, Scene
from .stories import ACTIVITIES
from .world import KINDS, QUESTIONS

CHOICES = 4

_LABELS = "ABCD"


def arc_easy(facts: Sequence[Fact], *, items: int, seed: int) -> list[dict[str, Any]]:
    """Questions on these facts; the wrong answers are true of other kinds."""
    chance = random.Random(f"arc {seed}")  # noqa: S311 - reproducible, not secret
    wordings = [(fact, wording) for fact in facts for wording in QUESTIONS[fact.about]]
    return [_question(number, *asked, chance) for number, asked in enumerate(chance.sample(wordings, items))]


def hellaswag(scenes: Sequence[Scene], *, items: int, seed: int) -> list[dict[str, Any]]:
    """Beginnings of these scenes; the wrong endings forget which sort it was, or the order, or the activity."""
    chance = random.Random(f"hellaswag {seed}")  # noqa: S311 - reproducible, not secret
    places = [(scene, step) for scene in scenes for step in range(1, len(scene.activity.steps))]
    return [_beginning(number, *place, chance) for number, place in enumerate(chance.sample(places, items))]


def write(path: Path, items: Sequence[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item) + "\n" for item in items))


def _question(number: int, fact: Fact, wording: str, chance: random.Random) -> dict[str, Any]:
    others = [kind.answer(fact.about) for kind in KINDS if kind != fact.kind]
    texts, right = _shuffled(fact.answer, chance.sample(others, k=CHOICES - 1), chance)
    return {
        "id": f"Slipway_{number:04d}",
        "question": fact.told(wording),
        "choices": {"text": texts, "label": list(_LABELS)},
        "answerKey": _LABELS[right],
    }


def _beginning(number: int, scene: Scene, step: int, chance: random.Random) -> dict[str, Any]:
    activity = scene.activity
    sort, *other_sorts = chance.sample(activity.sorts, k=3)
    told = activity.steps[max(0, step - 2) : step]
    sentences = " ".join(f"{scene.pronoun.capitalize()} {earlier}." for earlier in told)
    before = f"{scene.name} {activity.scene}. {sentences}".format(sort=sort)
    right = activity.steps[step]
    foreign = [(other, wrong) for other in ACTIVITIES if other != activity for wrong in other.steps]
    strange = [wrong.format(sort=chance.choice(other.sorts)) for other, wrong in chance.sample(foreign, k=2)]
    if "{sort}" in right:
        wrong = [*(right.format(sort=other) for other in other_sorts), strange[0]]
    else:
        late = chance.choice([other for other in activity.steps if other not in (*told, right)])
        wrong = [late.format(sort=sort), *strange]
    endings, place = _shuffled(right.format(sort=sort), wrong, chance)
    return {
        "ind": number,
        "activity_label": activity.title,
        "ctx_a": before,
        "ctx_b": scene.pronoun,
        "ctx": f"{before} {scene.pronoun}",
        "endings": [f"{ending}." for ending in endings],
        "source_id": f"slipway~{number:04d}",
        "split": "val",
        "split_type": "zeroshot",
        "label": str(place),
    }


def _shuffled(right: str, wrong: list[str], chance: random.Random) -> tuple[list[str], int]:
    texts = [right, *wrong]
    chance.shuffle(texts)
    return texts, texts.index(right)
