"""Pictures from a folder with a subfolder a class, by Pillow."""

from pathlib import Path
from typing import Any, List, Tuple

import numpy as np
from numpy.typing import NDArray

from ._arguments import required_text

# Of one picture: 300 MB as it is decoded.
_MOST_PIXELS = 100_000_000


def read(
    path: str, resize: bool
) -> Tuple[NDArray[np.uint8], NDArray[np.int32], List[str]]:
    """Images (N, 32, 32, 3), labels (N,) and the classes' names."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("from_folder needs Pillow: pip install pillow") from error

    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"no directory '{root}'")
    folders = sorted(
        entry for entry in root.iterdir() if entry.is_dir() and not _is_beside(entry.name))
    if len(folders) < 2:
        raise ValueError(
            f"'{root}' has {len(folders)} subfolders; it needs one a class, two at least")
    for folder in folders:
        required_text(folder.name, f"the name of the folder {str(folder)!a}")
    Image.init()
    known = set(Image.EXTENSION)
    images, labels = [], []
    for label, folder in enumerate(folders):
        files = sorted(
            file for file in folder.iterdir()
            if file.suffix.lower() in known and not _is_beside(file.name))
        if not files:
            raise ValueError(f"'{folder}' has no pictures")
        for file in files:
            images.append(_read_picture(Image, file, resize))
            labels.append(label)
    return np.stack(images), np.array(labels, np.int32), [folder.name for folder in folders]


def _is_beside(name: str) -> bool:
    """Hidden files, and what macOS puts beside others: ``._cat.png``, ``__MACOSX`` of archives."""
    return name.startswith(".") or name == "__MACOSX"


def _read_picture(Image: Any, file: Path, resize: bool) -> NDArray[np.uint8]:
    if not file.is_file():
        raise ValueError(f"'{file}' is not a regular file")
    try:
        with Image.open(file) as picture:
            # The header alone says how large it is: nothing is decoded before that is checked.
            wrong = _wrong_size(picture.width, picture.height, resize)
            pixels: Any = None if wrong else _eight_bits(Image, picture).convert("RGB")
    except Exception as error:  # damaged files raise whatever a decoder stumbles over
        raise ValueError(f"'{file}' can't be read: {error}") from error
    if wrong:
        raise ValueError(f"'{file}' is {wrong}")
    if pixels.size != (32, 32):
        pixels = pixels.resize((32, 32), Image.Resampling.BICUBIC)
    return np.asarray(pixels, np.uint8)


def _eight_bits(Image: Any, picture: Any) -> Any:
    """The picture itself or, of grey values of 16 bits, one of their upper eight, as Pillow reads the
    colours of such files. Its own conversion cuts off everything above 255."""
    if picture.mode == "F":
        raise ValueError("its values are floating-point numbers, of which nobody knows the range")
    # Some versions of Pillow keep 16 bits in 32.
    if picture.mode != "I" and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its values are from {values.min()} to {values.max()}, not 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _wrong_size(width: int, height: int, resize: bool) -> str:
    """What is wrong with pictures of this size; empty if nothing is."""
    if (width, height) != (32, 32) and not resize:
        return f"{width}×{height}, not 32×32; resize=True makes it so"
    if width * height > _MOST_PIXELS:
        return f"{width}×{height}, more than {_MOST_PIXELS:,} pixels"
    return ""
