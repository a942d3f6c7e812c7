"""Places on this machine that may have a data set: folders, and what comes inside of a package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.data.dataset import Dataset, Progress, SourceUnavailable
from cnn_study.data.sources.layouts import Layout

if TYPE_CHECKING:
    import numpy as np

DATA_PATH = "CNN_STUDY_DATA_PATH"
"""Name of the environment variable with a folder of raw official files."""


@dataclass(frozen=True)
class Folder:
    """A folder of the system.

    Attributes:
        path: The folder that may hold the files.
        layouts: The forms in which the files may lie there.
    """

    path: str
    layouts: tuple[Layout, ...]

    @property
    def name(self) -> str:
        """The name of this place for people."""
        return f"folder {self.path}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Decode the files in the first layout that is there."""
        place = Path(self.path).expanduser()
        if not place.is_dir():
            raise SourceUnavailable("no such folder")
        reasons = []
        for layout in self.layouts:
            progress(f"reading {place}", 0, None)
            try:
                return layout.arrays(place, dataset)
            except SourceUnavailable as unavailable:
                reasons.append(str(unavailable))
        raise SourceUnavailable("; ".join(reasons))


@dataclass(frozen=True)
class UserFolder:
    """The folder that the user names in ``CNN_STUDY_DATA_PATH``, or one in it that is called like the data set.

    Attributes:
        layouts: The forms in which the files may lie there.
    """

    layouts: tuple[Layout, ...]

    @property
    def name(self) -> str:
        """The name of this place for people."""
        files = " or ".join(layout.archive or ", ".join(layout.files) for layout in self.layouts)
        return f"folder in {DATA_PATH} ({files})"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Decode the files in the first layout that is there."""
        root = os.environ.get(DATA_PATH)
        if not root:
            raise SourceUnavailable(f"{DATA_PATH} is not set")
        own = Path(root).expanduser() / dataset.name
        return Folder(str(own) if own.is_dir() else root, self.layouts).fetch(dataset, workdir, progress)


@dataclass(frozen=True)
class Digits:
    """The digits inside scikit-learn.

    They come without a split. In the order of their classes, every fifth is a test image: stratified, and free of any
    random generator that a later version might change.
    """

    name: str = "scikit-learn"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Load and split them."""
        import numpy as np
        from sklearn.datasets import load_digits

        pixels, target = load_digits(return_X_y=True)
        images, labels = np.asarray(pixels, np.uint8).reshape(-1, 8, 8), np.asarray(target, np.uint8)
        test = np.zeros(len(labels), bool)
        test[np.argsort(labels, kind="stable")[::5]] = True
        return {
            "x_train": images[~test],
            "y_train": labels[~test],
            "x_test": images[test],
            "y_test": labels[test],
        }
