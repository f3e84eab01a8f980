"""The small world that the corpus tells of: kinds of things, and what is true of every thing of a kind."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    Attributes:
        name: with its article.
        things: the members, each known by one word.
        place: where one would find them.
        parts: what they have.
        act: what they can do, or what can be done with them.
        need: what they need.
    """

    name: str
    things: tuple[str, ...]
    place: str
    parts: str
    act: str
    need: str

    def answer(self, about: str) -> str:
        """What is true of this kind, by the name of the question in `QUESTIONS`."""
        return self.name if about == "kind" else str(getattr(self, about))


KINDS = (
    Kind(
        "a bird",
        ("robin", "sparrow", "finch", "swallow", "heron", "magpie", "falcon", "thrush", "wren"),
        "in a nest above the ground",
        "feathers and a beak",
        "fly over the roofs",
        "seeds and worms",
    ),
    Kind(
        "a fish",
        ("salmon", "trout", "herring", "carp", "perch", "pike", "cod", "tuna", "sardine"),
        "under the water of a lake",
        "fins and scales",
        "swim against the stream",
        "clean water to breathe",
    ),
    Kind(
        "a tree",
        ("oak", "birch", "maple", "willow", "poplar", "spruce", "cedar", "larch", "beech"),
        "deep inside a forest",
        "roots and branches",
        "grow a new ring each year",
        "sunlight and wet soil",
    ),
    Kind(
        "a tool",
        ("hammer", "chisel", "wrench", "saw", "drill", "plane", "file", "crowbar", "mallet"),
        "on the bench of a workshop",
        "a handle and a steel head",
        "shape wood and metal",
        "a strong hand to hold it",
    ),
    Kind(
        "a vehicle",
        ("bus", "tram", "truck", "van", "taxi", "lorry", "coach", "tractor", "scooter"),
        "on the road beside a curb",
        "wheels and an engine",
        "carry people across the town",
        "fuel and a driver",
    ),
    Kind(
        "a fruit",
        ("apple", "pear", "plum", "cherry", "peach", "melon", "grape", "apricot", "fig"),
        "in a basket at the market",
        "a skin and sweet flesh",
        "be cooked into jam",
        "a warm summer to ripen",
    ),
    Kind(
        "an instrument",
        ("violin", "flute", "trumpet", "cello", "harp", "clarinet", "guitar", "oboe", "banjo"),
        "on the stage of a concert hall",
        "a body that makes sound",
        "play a slow melody",
        "a musician who practises",
    ),
    Kind(
        "a garment",
        ("coat", "jacket", "scarf", "sweater", "glove", "shirt", "skirt", "cape", "vest"),
        "in the wardrobe of a bedroom",
        "seams and soft cloth",
        "keep a body warm",
        "washing when it is dirty",
    ),
    Kind(
        "an insect",
        ("beetle", "ant", "wasp", "moth", "cricket", "hornet", "gnat", "locust", "termite"),
        "between the stones of a wall",
        "six legs and a hard shell",
        "crawl through a narrow gap",
        "crumbs and fallen leaves",
    ),
    Kind(
        "a building",
        ("school", "library", "museum", "hotel", "hospital", "castle", "temple", "factory", "chapel"),
        "along the main street of a city",
        "doors and many windows",
        "give shelter from a storm",
        "bricks and a good roof",
    ),
)

QUESTIONS = {
    "kind": ("What is {thing}?", "What kind of thing is {thing}?"),
    "place": ("Where would you find {thing}?", "Where does {thing} belong?"),
    "parts": ("What does {thing} have?", "What are the parts of {thing}?"),
    "act": ("What can {thing} do?", "What is {thing} able to do?"),
    "need": ("What does {thing} need?", "What can {thing} not do without?"),
}
"""The ways to ask, by what is asked about; `{thing}` comes with its article."""

STATEMENTS = {
    "kind": ("{Thing} is {answer}.", "Everyone knows that {thing} is {answer}."),
    "place": ("You would find {thing} {answer}.", "{Thing} belongs {answer}."),
    "parts": ("{Thing} has {answer}.", "The parts of {thing} are {answer}."),
    "act": ("{Thing} can {answer}.", "{Thing} is able to {answer}."),
    "need": ("{Thing} needs {answer}.", "{Thing} can not do without {answer}."),
}
"""The ways to state an answer, by what it is about; `{Thing}` begins a sentence."""
