"""Pictures from a folder with a subfolder a class, by Pillow."""

from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ._arguments import required_text
from ._pictures import colours, pillow, read_file


def read(
    path: str, size: Optional[Tuple[int, int]]
) -> Tuple[NDArray[np.uint8], NDArray[np.int32], List[str]]:
    """Images (N, height, width, 3), labels (N,) and the classes' names. All are made of the size,
    (height, width), or have the first one's if it is None."""
    Image = pillow("from_folder")
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

    def stretched(picture: Any) -> NDArray[np.uint8]:
        pixels = colours(Image, picture)
        if size and pixels.size != size[::-1]:
            pixels = pixels.resize(size[::-1], Image.Resampling.BICUBIC)
        return np.asarray(pixels, np.uint8)

    images: List[NDArray[np.uint8]] = []
    labels: List[int] = []
    for label, folder in enumerate(folders):
        files = sorted(
            file for file in folder.iterdir()
            if file.suffix.lower() in known and not _is_beside(file.name))
        if not files:
            raise ValueError(f"'{folder}' has no pictures")
        for file in files:
            check = None if size else _one_size(images)
            images.append(read_file(Image, file, stretched, check))
            labels.append(label)
    return np.stack(images), np.array(labels, np.int32), [folder.name for folder in folders]


def _is_beside(name: str) -> bool:
    """Hidden files, and what macOS puts beside others: ``._cat.png``, ``__MACOSX`` of archives."""
    return name.startswith(".") or name == "__MACOSX"


def _one_size(images: List[NDArray[np.uint8]]) -> Any:
    def wrong(width: int, height: int) -> Optional[str]:
        if images and images[0].shape[:2] != (height, width):
            first = f"{images[0].shape[1]}×{images[0].shape[0]}"
            return f"{width}×{height}, but the first picture {first}; resize=(32, 32) makes all so"
        if not (8 <= width <= 128 and 8 <= height <= 128):
            return f"{width}×{height}, not 8×8 to 128×128; resize=(32, 32) makes it so"
        return None

    return wrong
