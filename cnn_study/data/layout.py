"""Where the images of a folder lie: in the folders of classes, which may be divided into parts.

Names are compared as people read them: é is one letter, whether it is written as one code point (NFC) or two (NFD, as
on some Macs).
Parts are known by their usual names in several languages, with or without capitals, signs and numbers around them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cnn_study.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg")
IGNORED = (
    "$recycle.bin",
    "@eadir",
    "__macosx",
    "desktop.ini",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "icon\r",
    "lost+found",
    "picasa.ini",
    "system volume information",
    "thumbs.db",
)
"""Names of files that programs leave in folders. Names that begin with a dot are ignored too."""

LEAST, MOST = 5, 256
"""Smallest number of images of a class, and largest number of classes: labels are bytes."""

UNDIVIDED = ""
"""The part that all images are in where no folder divides them."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "train": (
        *("train", "training", "trn", "learn", "learning"),
        *(
            "addestramento",
            "apprentissage",
            "egitim",
            "entrainement",
            "entrenamiento",
            "lernen",
            "treinamento",
            "treino",
        ),
        *("обучающая", "обучение", "тренировочная", "训练", "訓練", "学習", "학습", "훈련"),
    ),
    "validation": (
        *("val", "valid", "validate", "validating", "validation", "dev", "development", "eval", "evaluation"),
        *("convalida", "dogrulama", "validacao", "validacion", "validazione", "validierung"),
        *("валидационная", "валидация", "验证", "驗證", "検証", "검증"),
    ),
    "test": (
        *("test", "testing", "tests", "tst", "holdout"),
        *("essai", "prova", "prueba", "pruebas", "teste", "testen"),
        *("тест", "тестовая", "测试", "測試", "テスト", "테스트"),
    ),
}
"""The usual names of every part."""

AROUND = ("dataset", "data", "set", "images", "image", "imgs", "img", "seg", "split", "folder", "データ", "用", "集")
"""Words around the name of a part that say no more."""


@dataclass(frozen=True)
class FolderLayout:
    """The images of a folder.

    Attributes:
        parts: The files of images by part (``train``, ``validation`` and ``test``, or :data:`UNDIVIDED`) and class.
    """

    parts: Mapping[str, Mapping[str, tuple[Path, ...]]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""
        return tuple(next(iter(self.parts.values())))

    @property
    def paths(self) -> Iterator[Path]:
        """All files of images."""
        return (path for by_class in self.parts.values() for paths in by_class.values() for path in paths)

    def is_for_testing(self, part: str) -> bool:
        """Whether the images of a part are test images: those of validation are, if there are no others."""
        return part == "test" or (part == "validation" and "test" not in self.parts)


def layout_of(folder: Path) -> FolderLayout:
    """How the images of a folder are laid out.

    Raises:
        InputError: Something else lies there, a class is missing or has too few images, or there is but one class. The
            message says what is wanted.
    """
    layout = FolderLayout({part: _classes_in(place) for part, place in _parts_of(folder).items()})
    _compare_classes(folder, layout)
    if not 2 <= len(layout.classes) <= MOST:
        names = ", ".join(layout.classes[:3]) or "none"
        raise InputError(
            f"{folder} has {len(layout.classes)} classes ({names}): it needs a folder for each of 2 to {MOST}"
        )
    for part, by_class in layout.parts.items():
        least = LEAST if part in (UNDIVIDED, "train") else 1
        for paths, name in ((paths, name) for name, paths in by_class.items()):
            if len(paths) < least:
                where = f"the class {name} of the part {part} in {folder}" if part else folder / name
                raise InputError(f"{where} holds {len(paths)} images: a class needs at least {least} there")
    return layout


def left_out(folder: Path, layout: FolderLayout) -> list[Path]:
    """The files and folders in a folder that are no images of the layout; of a folder that is passed over, itself."""
    return list(_others(folder, set(layout.paths)))


def _others(folder: Path, taken: set[Path]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _is_visible(path) and path.is_dir():
            yield from _others(path, taken)
        elif path not in taken:
            yield path


def spelled(name: str) -> str:
    """A name of a file as text: in composed letters, and bytes that are no UTF-8 as their numbers."""
    content = name.encode(errors="surrogateescape")  # Not in the encoding of the locale: folders are the same in all.
    return unicodedata.normalize("NFC", content.decode(errors="backslashreplace"))


def part_of(name: str) -> str | None:
    """The part of which this is a name, such as ``test`` for ``Testing`` or ``test1``; ``None`` if it is none."""
    plain = _plain(name)
    while plain not in _PARTS:
        shorter = next((plain.removeprefix(word).removesuffix(word) for word in _AROUND if word in plain), plain)
        if shorter == plain:
            return None
        plain = shorter
    return _PARTS[plain]


def _plain(name: str) -> str:
    """The letters of a name alone, without accents and capitals."""
    return re.sub(r"[\W\d_]+", "", unicodedata.normalize("NFKD", spelled(name).casefold()))


_PARTS = {_plain(name): part for part, names in PARTS.items() for name in names}
_AROUND = tuple(map(_plain, AROUND))


def _parts_of(folder: Path) -> dict[str, Path]:
    """The folders of the parts; if there are none, the folder itself."""
    inside = _visible(folder)
    folders = [path for path in inside if path.is_dir()]
    named = {path: part for path in folders if (part := part_of(path.name))}
    if len(named) < len(folders) or not named:
        train = next((path for path, part in named.items() if part == "train"), None)
        if train and any(path.is_dir() for path in _visible(train)):
            other = next(path for path in folders if path not in named)
            raise InputError(f"{other} lies beside {train.name}, which holds classes: move it away, or name {train}")
        _refuse_wrapping(folder, inside)
        return {UNDIVIDED: folder}
    _refuse_doubles(folder, named)
    parts = {part: path for part in PARTS for path, other in named.items() if other == part}
    if "train" not in parts:
        names = ", ".join(path.name for path in named)
        raise InputError(f"{folder} holds {names}, but no folder for training: call it train; {_wanted(folder)}")
    for part, path in parts.items():
        _refuse_flat(folder, part, path, parts["train"])
    for path in inside:
        if path not in named:
            raise InputError(f"{path} lies outside of the folder of a class: move it")
    return {UNDIVIDED: parts["train"]} if list(parts) == ["train"] else parts


def _wanted(folder: Path) -> str:
    name = folder.name
    return f"wanted is {name}/CLASS/*.png, or {name}/train/CLASS/*.png and {name}/test/CLASS/*.png"


def _refuse_wrapping(folder: Path, inside: Iterable[Path]) -> None:
    """Refuse a folder that holds nothing but another one, as archives often do."""
    match list(inside):
        case [only] if only.is_dir() and any(path.is_dir() for path in _visible(only)):
            raise InputError(f"{folder} holds nothing but a folder: name that one, {only}")


def _refuse_doubles(folder: Path, named: Mapping[Path, str]) -> None:
    for part in PARTS:
        names = [path.name for path, other in named.items() if other == part]
        if len(names) > 1:
            raise InputError(f"{folder} holds {' and '.join(names)}, which are both for {part}: name one folder so")


def _refuse_flat(folder: Path, part: str, place: Path, train: Path) -> None:
    """Refuse the part of a competition: images that are in no folder of a class."""
    inside = _visible(place)
    flat = next((path for path in inside if path.suffix.lower() in SUFFIXES and not path.is_dir()), None)
    if flat is None:
        _refuse_wrapping(place, inside)
        return
    what = f"{place} is a part, and its images, such as {flat.name}, are in no folder of a class"
    if part == "train" or not any(path.is_dir() for path in _visible(train)):
        raise InputError(f"{what}: sort them; {_wanted(folder)}")
    raise InputError(f"{what}: move it away, or name {train}, of which a fifth is then for testing")


def _compare_classes(folder: Path, layout: FolderLayout) -> None:
    """Refuse parts with other classes than each other."""
    found = [set(by_class) for by_class in layout.parts.values()]
    odd = sorted(set.union(*found) - set.intersection(*found))
    if not odd:
        return
    names = " and ".join(layout.parts)
    alike = [name for name in odd if sum(name.casefold() == other.casefold() for other in odd) > 1]
    if alike:
        raise InputError(f"{folder}: {names} must spell classes alike, capitals too: {', '.join(alike)}")
    where = "is in one only" if len(found) == 2 else "is not in all of them"
    raise InputError(f"{folder}: {names} must have the same classes: {', '.join(odd)} {where}")


def _classes_in(folder: Path) -> dict[str, tuple[Path, ...]]:
    classes: dict[str, tuple[Path, ...]] = {}
    for place in _visible(folder):
        if not place.is_dir():
            what = "is a link that leads nowhere" if _is_dead(place) else "lies outside of the folder of a class"
            wanted = f"; {_wanted(folder)}" if place.suffix.lower() in SUFFIXES else ""
            raise InputError(f"{place} {what}: move it{wanted}")
        name = spelled(place.name)
        if name in classes:
            raise InputError(f"{folder} holds two folders called {name}, stored in different letters: join them")
        classes[name] = tuple(_images_in(place))
    return {name: classes[name] for name in sorted(classes)}


def _images_in(place: Path) -> list[Path]:
    paths = _visible(place)
    for path in paths:
        if _is_dead(path):
            raise InputError(
                f"{path} cannot be read as an image (a link that leads nowhere): replace it or move it away"
            )
        if path.is_dir() or path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path} is no {', '.join(SUFFIXES)} file: move it away, or convert it")
    return paths


def _visible(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir(), key=lambda path: path.name) if _is_visible(path)]


def _is_visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower() not in IGNORED


def _is_dead(path: Path) -> bool:
    return path.is_symlink() and not path.exists()
