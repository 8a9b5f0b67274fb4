"""Pictures from a folder with a subfolder a class, by Pillow."""

from pathlib import Path

import numpy as np


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
    try:
        with Image.open(file) as picture:
            picture = picture.convert("RGB")
    except OSError as error:
        raise ValueError(f"'{file}' can't be read: {error}") from error
    if picture.size != (32, 32):
        if not resize:
            width, height = picture.size
            raise ValueError(f"'{file}' is {width}×{height}, not 32×32; resize=True makes it so")
        picture = picture.resize((32, 32), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.uint8)
