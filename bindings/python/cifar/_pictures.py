"""Single pictures, by Pillow."""

import os
import sys
from pathlib import Path
from typing import Any, Tuple

import numpy as np
from numpy.typing import NDArray

# Channels, height and width of an image.
Shape = Tuple[int, int, int]

# Of one picture: 300 MB as it is decoded.
_MOST_PIXELS = 100_000_000


def pillow(what: str) -> Any:
    """Its module ``Image``."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{what} needs Pillow: pip install pillow") from error
    return Image


def is_picture(value: object) -> bool:
    """Whether this is a file's name, or a picture of Pillow's."""
    if isinstance(value, (str, bytes, os.PathLike)):
        return True
    # Who has one has imported it.
    image = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return image is not None and isinstance(value, image)


def read_picture(source: Any, shape: Shape) -> NDArray[np.uint8]:
    """A picture of any size: turned as its camera was held, cut to the shape's proportions in its
    middle, and made (height, width, channels)."""
    Image = pillow("predict with a picture")
    from PIL import ImageOps

    if not isinstance(source, Image.Image):
        file = Path(os.fsdecode(source))
        if not file.exists():
            raise FileNotFoundError(f"there is no picture '{file}'")
        return read_file(Image, file, lambda picture: _fitted(Image, ImageOps, picture, shape))
    return _fitted(Image, ImageOps, source, shape)


def read_file(Image: Any, file: Path, change: Any, check: Any = None) -> NDArray[np.uint8]:
    """What ``change`` makes of a picture. ``check`` says what is wrong with its width and height
    before it is decoded, or None."""
    if not file.is_file():
        raise ValueError(f"'{file}' is not a regular file")
    try:
        with Image.open(file) as picture:
            # The header alone says how large it is: nothing is decoded before that is checked.
            wrong = check(picture.width, picture.height) if check else None
            if picture.width * picture.height > _MOST_PIXELS:
                wrong = f"{picture.width}×{picture.height}, more than {_MOST_PIXELS:,} pixels"
            if not wrong:
                pixels: NDArray[np.uint8] = change(picture)
                return pixels
    except Exception as error:  # damaged files raise whatever a decoder stumbles over
        raise ValueError(f"'{file}' can't be read: {error}") from error
    raise ValueError(f"'{file}' is {wrong}")


def colours(Image: Any, picture: Any) -> Any:
    """The picture in red, green and blue. Of grey values of 16 bits the upper eight count, as
    Pillow reads the colours of such files; its own conversion cuts off everything above 255."""
    if picture.mode == "F":
        raise ValueError("its values are floating-point numbers, of which nobody knows the range")
    # Some versions of Pillow keep 16 bits in 32.
    if picture.mode != "I" and not picture.mode.startswith("I;16"):
        return picture.convert("RGB")
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its values are from {values.min()} to {values.max()}, not 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")


def _fitted(Image: Any, ImageOps: Any, picture: Any, shape: Shape) -> NDArray[np.uint8]:
    channels, height, width = shape
    upright = colours(Image, ImageOps.exif_transpose(picture) or picture)
    if channels == 1:
        upright = upright.convert("L")
    # The largest part of these proportions.
    scale = min(upright.width / width, upright.height / height)
    part = (round(width * scale), round(height * scale))
    left, top = (upright.width - part[0]) // 2, (upright.height - part[1]) // 2
    cut = upright.crop((left, top, left + part[0], top + part[1]))
    if cut.size != (width, height):
        cut = cut.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(cut, np.uint8).reshape(height, width, channels)
