"""Pictures from a folder with a subfolder a class, by Pillow."""

from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ._arguments import required_text
from ._pictures import colours, pillow, read_file


def read(
    path: str, resize: bool
) -> Tuple[NDArray[np.uint8], NDArray[np.int32], List[str]]:
    """Images (N, 32, 32, 3), labels (N,) and the classes' names."""
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
        if pixels.size != (32, 32):
            pixels = pixels.resize((32, 32), Image.Resampling.BICUBIC)
        return np.asarray(pixels, np.uint8)

    images, labels = [], []
    for label, folder in enumerate(folders):
        files = sorted(
            file for file in folder.iterdir()
            if file.suffix.lower() in known and not _is_beside(file.name))
        if not files:
            raise ValueError(f"'{folder}' has no pictures")
        for file in files:
            images.append(read_file(Image, file, stretched, None if resize else _wrong_size))
            labels.append(label)
    return np.stack(images), np.array(labels, np.int32), [folder.name for folder in folders]


def _is_beside(name: str) -> bool:
    """Hidden files, and what macOS puts beside others: ``._cat.png``, ``__MACOSX`` of archives."""
    return name.startswith(".") or name == "__MACOSX"


def _wrong_size(width: int, height: int) -> Optional[str]:
    if (width, height) == (32, 32):
        return None
    return f"{width}×{height}, not 32×32; resize=True makes it so"
