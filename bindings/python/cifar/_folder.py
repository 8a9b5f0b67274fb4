"""Pictures from a folder with a subfolder a class, by Pillow."""

from pathlib import Path

import numpy as np

# Of one picture: 300 MB as it is decoded.
_MOST_PIXELS = 100_000_000


def read(path, resize: bool):
    """Images (N, 32, 32, 3), labels (N,) and the classes' names."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("from_folder needs Pillow: pip install pillow") from error

    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"no directory '{root}'")
    folders = sorted(
        entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if len(folders) < 2:
        raise ValueError(
            f"'{root}' has {len(folders)} subfolders; it needs one a class, two at least")
    Image.init()
    known = set(Image.EXTENSION)
    images, labels = [], []
    for label, folder in enumerate(folders):
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in known)
        if not files:
            raise ValueError(f"'{folder}' has no pictures")
        for file in files:
            images.append(_read_picture(Image, file, resize))
            labels.append(label)
    return np.stack(images), np.array(labels, np.int32), [folder.name for folder in folders]


def _read_picture(Image, file: Path, resize: bool) -> np.ndarray:
    if not file.is_file():
        raise ValueError(f"'{file}' is not a regular file")
    try:
        with Image.open(file) as picture:
            # The header alone says how large it is: nothing is decoded before that is looked at.
            wrong = _wrong_size(*picture.size, resize)
            pixels = None if wrong else picture.convert("RGB")
    except Exception as error:  # damaged files raise whatever a decoder stumbles over
        raise ValueError(f"'{file}' can't be read: {error}") from error
    if wrong:
        raise ValueError(f"'{file}' is {wrong}")
    if pixels.size != (32, 32):
        pixels = pixels.resize((32, 32), Image.Resampling.BICUBIC)
    return np.asarray(pixels, np.uint8)


def _wrong_size(width: int, height: int, resize: bool) -> str:
    """What is wrong with pictures of this size; empty if nothing is."""
    if (width, height) != (32, 32) and not resize:
        return f"{width}×{height}, not 32×32; resize=True makes it so"
    if width * height > _MOST_PIXELS:
        return f"{width}×{height}, more than {_MOST_PIXELS:,} pixels"
    return ""
