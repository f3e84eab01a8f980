"""The small world's activities: what people do, step after step."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """Something that people do.

    Attributes:
        title: as a caption.
        sorts: the words that `{sort}` may stand for; a story keeps to the one that it begins with.
        scene: where it begins, with `{sort}`; follows a name.
        steps: what happens, in order; each follows "he" or "she". Some have `{sort}`.
    """

    title: str
    sorts: tuple[str, ...]
    scene: str
    steps: tuple[str, ...]


NAMES = {
    "she": ("Anna", "Clara", "Emma", "Greta", "Ida", "Julia", "Lena", "Maria", "Nora", "Olga", "Rosa", "Vera"),
    "he": ("Adam", "Bruno", "Carl", "David", "Felix", "Georg", "Hugo", "Jonas", "Leo", "Martin", "Oscar", "Paul"),
}
"""First names by pronoun."""

ACTIVITIES = (
    Activity(
        "Baking bread",
        ("rye", "corn", "oat", "wheat", "rice"),
        "stands in the kitchen with a bag of {sort} flour",
        (
            "mixes the {sort} flour with water and yeast",
            "kneads the dough on the board",
            "lets the dough rise under a towel",
            "puts the loaf into the hot oven",
            "cuts a slice of the {sort} bread",
        ),
    ),
    Activity(
        "Painting a fence",
        ("white", "green", "blue", "brown", "grey"),
        "carries a bucket of {sort} paint into the garden",
        (
            "brushes the dust off the old boards",
            "opens the can and stirs the {sort} paint",
            "covers each board with {sort} paint",
            "waits until the paint is dry",
            "hangs a sign on the {sort} gate",
        ),
    ),
    Activity(
        "Fixing a bicycle",
        ("front", "back", "left", "right", "spare"),
        "kneels beside a bicycle whose {sort} wheel is flat",
        (
            "takes the {sort} wheel off the frame",
            "pulls the tube out of the tire",
            "glues a patch over the hole",
            "pumps air into the {sort} wheel",
            "rides around the yard to test it",
        ),
    ),
    Activity(
        "Planting a rose",
        ("red", "yellow", "pink", "orange", "white"),
        "walks along the flower bed with a {sort} rose",
        (
            "digs a hole in the soft earth",
            "sets the roots into the hole",
            "fills the hole with dark soil",
            "pours water around the {sort} rose",
            "looks at the first {sort} bud",
        ),
    ),
    Activity(
        "Washing a dog",
        ("black", "brown", "grey", "white", "old"),
        "leads a {sort} dog to the tub",
        (
            "makes the {sort} dog wet with a hose",
            "rubs soap into the fur",
            "rinses the soap away",
            "dries the {sort} dog with a cloth",
            "combs the clean fur",
        ),
    ),
    Activity(
        "Sending a letter",
        ("friend", "sister", "brother", "teacher", "doctor"),
        "sits at a desk and thinks of a {sort}",
        (
            "writes a few lines to the {sort}",
            "folds the sheet in the middle",
            "adds a picture for the {sort}",
            "sticks a stamp on the corner",
            "drops it into the yellow box",
        ),
    ),
    Activity(
        "Pitching a tent",
        ("lake", "river", "forest", "meadow", "beach"),
        "arrives at the {sort} with a heavy pack",
        (
            "spreads the canvas beside the {sort}",
            "pushes the poles through the loops",
            "hammers the pegs into the ground",
            "ties the ropes to the pegs",
            "rolls out a bed and looks at the {sort}",
        ),
    ),
    Activity(
        "Making tea",
        ("honey", "sugar", "lemon", "milk", "mint"),
        "comes home and wants tea with {sort}",
        (
            "fills the kettle at the tap",
            "boils the water on the stove",
            "drops the leaves into the pot",
            "puts some {sort} into the cup",
            "drinks it with the {sort}",
        ),
    ),
    Activity(
        "Sewing a button",
        ("shirt", "coat", "jacket", "skirt", "vest"),
        "finds a button of a {sort}",
        (
            "threads a thin needle",
            "holds the button on the {sort}",
            "pushes the needle through the holes",
            "ties a knot at the back",
            "cuts the thread and folds the {sort}",
        ),
    ),
    Activity(
        "Catching a train",
        ("city", "coast", "village", "mountain", "border"),
        "hurries to the train for the {sort}",
        (
            "buys a ticket to the {sort}",
            "reads the number of the platform",
            "climbs into the last carriage",
            "shows the ticket to the guard",
            "gets off at the {sort}",
        ),
    ),
)
