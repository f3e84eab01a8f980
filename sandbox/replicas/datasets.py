"""The data sets that the evaluation asks for, as repositories: the sandbox's own questions in the real schemas."""

import shutil
from pathlib import Path

_PUBLISHED = Path(__file__).parent / "data" / "datasets"

DATASETS = ("allenai/ai2_arc", "Rowan/hellaswag")


def build_dataset(repo: str, folder: Path) -> None:
    """Write the data set that stands in for `repo` into `folder`.

    Raises:
        ValueError: there is no such data set.
    """
    if repo not in DATASETS:
        raise ValueError(f"there is no data set {repo!r}. Choose one of: {', '.join(DATASETS)}.")
    shutil.copytree(_PUBLISHED / repo, folder, dirs_exist_ok=True)
