"""The corpus: seeded documents about the small world, without the combinations that the tasks ask for."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from .stories import ACTIVITIES, NAMES, Activity
from .world import KINDS, QUESTIONS, STATEMENTS, Kind

HELD_OUT = 0.25
"""The share of combinations that no document tells, and that the tasks ask for."""

_SHARES = {"question": 30, "description": 20, "talk": 10, "story": 40}
_UNTITLED = 5  # one story in so many


@dataclass(frozen=True)
class Fact:
    """One truth: what a thing's kind says about one question."""

    kind: Kind
    thing: str
    about: str

    @property
    def answer(self) -> str:
        """The words that are true."""
        return self.kind.answer(self.about)

    def told(self, wording: str) -> str:
        """The fact in a wording of `QUESTIONS` or `STATEMENTS`."""
        thing = f"{'an' if self.thing[0] in 'aeiou' else 'a'} {self.thing}"
        return wording.format(thing=thing, Thing=thing.capitalize(), answer=self.answer)


@dataclass(frozen=True)
class Scene:
    """One person doing one activity."""

    name: str
    pronoun: str
    activity: Activity


@dataclass(frozen=True)
class Split:
    """All combinations, told and held out."""

    told_facts: tuple[Fact, ...]
    asked_facts: tuple[Fact, ...]
    told_scenes: tuple[Scene, ...]
    asked_scenes: tuple[Scene, ...]


def split(seed: int) -> Split:
    """Choose what is held out. What a thing is, its kind, is always told: nothing else could be known without it."""
    chance = random.Random(f"split {seed}")  # noqa: S311 - reproducible, not secret
    facts = [Fact(kind, thing, about) for kind in KINDS for thing in kind.things for about in QUESTIONS]
    asked_facts = [fact for fact in facts if fact.about != "kind" and chance.random() < HELD_OUT]
    scenes = [Scene(name, pronoun, activity) for activity in ACTIVITIES for pronoun in NAMES for name in NAMES[pronoun]]
    asked_scenes = [scene for scene in scenes if chance.random() < HELD_OUT]
    return Split(
        told_facts=tuple(fact for fact in facts if fact not in asked_facts),
        asked_facts=tuple(asked_facts),
        told_scenes=tuple(scene for scene in scenes if scene not in asked_scenes),
        asked_scenes=tuple(asked_scenes),
    )


def documents(told: Split, *, seed: int) -> Iterator[str]:
    """Endless documents: questions with answers, descriptions, talk between user and assistant, stories."""
    chance = random.Random(f"documents {seed}")  # noqa: S311 - reproducible, not secret
    by_thing: dict[str, list[Fact]] = {}
    for fact in told.told_facts:
        by_thing.setdefault(fact.thing, []).append(fact)
    things = list(by_thing)
    while True:
        (sort,) = chance.choices(list(_SHARES), _SHARES.values())
        if sort == "question":
            yield _question(chance.choice(told.told_facts), chance)
        elif sort == "description":
            yield _description(by_thing[chance.choice(things)], chance)
        elif sort == "talk":
            yield _talk(chance.choice(told.told_facts), chance)
        else:
            yield _story(chance.choice(told.told_scenes), chance)


def _question(fact: Fact, chance: random.Random) -> str:
    """A question and its answer, as an examination prints them."""
    return f"Question: {fact.told(chance.choice(QUESTIONS[fact.about]))}\nAnswer: {fact.answer}"


def _description(facts: list[Fact], chance: random.Random) -> str:
    chosen = chance.sample(facts, k=min(len(facts), chance.randint(2, 4)))
    return " ".join(fact.told(chance.choice(STATEMENTS[fact.about])) for fact in chosen)


def _talk(fact: Fact, chance: random.Random) -> str:
    wording = chance.choice(QUESTIONS[fact.about])
    return f"[INST]{fact.told(wording)}[/INST]{fact.told(STATEMENTS[fact.about][0])}"


def _story(scene: Scene, chance: random.Random) -> str:
    he = scene.pronoun.capitalize()
    steps = scene.activity.steps
    first = chance.randrange(len(steps) - 1)
    told = " ".join(f"{he} {step}." for step in steps[first : first + chance.randint(2, 4)])
    title = f"{scene.activity.title}: " if chance.randrange(_UNTITLED) else ""
    sort = chance.choice(scene.activity.sorts)
    return f"{title}{scene.name} {scene.activity.scene}. {told}".format(sort=sort)
