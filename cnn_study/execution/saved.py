"""The trained networks of a profile: a ``.keras`` file a run, beside the stored results."""

from pathlib import Path

from cnn_study.files import replace_file


class SavedModels:
    """Files ``KEY.keras``, named after the keys of their runs.

    Args:
        folder: The folder of the networks, for example ``results/quick/models``. It is made on the first write.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, key: str) -> Path:
        """The file of a run."""
        return self.folder / f"{key}.keras"

    def has(self, key: str) -> bool:
        """Whether the network of a run is there."""
        return self.path(key).is_file()

    def add(self, key: str, content: bytes) -> None:
        """Keep a network. Its file is complete and on disk when this returns.

        Raises:
            StoreError: The file cannot be written.
        """
        replace_file(self.path(key), lambda temporary: temporary.write_bytes(content))
