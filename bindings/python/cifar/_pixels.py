"""Images and labels in the forms that people have them in, made what the library takes."""

from typing import Any, Optional, Tuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _arguments as argument
from ._pictures import Shape, is_picture, read_picture

# Images that are converted at once: the steps between take 12 MB for each of them.
_PIECE = 1024


def pixels_of(images: ArrayLike) -> NDArray[np.uint8]:
    """Images as the library takes them: uint8, (N, channels, height, width), contiguous."""
    if is_picture(images):
        raise TypeError(
            f"images is one {argument.kind_of(images)}, not an array of images: "
            "Dataset.from_folder(path) reads a folder of pictures, Model.predict takes one")
    pixels = argument.array(images, "images")
    # Which axis has the channels: there are fewer of them than rows or columns ever are.
    first, last = ((pixels.shape[i] if pixels.ndim > 2 else 0) in (1, 3) for i in (-3, -1))
    is_colour = pixels.ndim == 4 and first != last
    if not is_colour and not (pixels.ndim == 3 and not first and not last):
        message = (
            f"images of shape {pixels.shape}, not (N, height, width, channels), "
            "(N, channels, height, width) or, in greys, (N, height, width)")
        if pixels.ndim == 3:
            message += "; one image is images[None]"
        raise ValueError(message)
    if not is_colour:
        return _bytes(pixels[:, None])
    return _bytes(pixels.transpose(0, 3, 1, 2) if last else pixels)


def pixels_to_ask(images: Any, shape: Shape) -> Tuple[NDArray[np.uint8], bool]:
    """The same of what a model of this shape is asked about, and whether that is one image: a picture
    or a list of them too."""
    if is_picture(images):
        return _planes(read_picture(images, shape)[None], shape), True
    if isinstance(images, (list, tuple)) and images and all(map(is_picture, images)):
        return _planes(np.stack([read_picture(picture, shape) for picture in images]), shape), False
    if isinstance(images, tuple) and len(images) == 2 and np.ndim(images[1]) == 0:
        raise TypeError("images is an image with its label: give the image alone, dataset[0][0]")
    pixels = argument.array(images, "images")
    if pixels.dtype.kind == "O":
        raise TypeError(f"images is a {argument.kind_of(images)}, neither an array nor a picture")
    one = [shape, shape[1:] + shape[:1]] + ([shape[1:]] if shape[0] == 1 else [])
    is_one = pixels.shape in one or pixels.ndim == 3 and pixels.shape[1:] not in one
    return _planes(pixels[None] if is_one else pixels, shape), is_one


def labels_of(labels: ArrayLike) -> Tuple[NDArray[np.int32], int]:
    """Labels as int32, (N,), and how many classes they are of: at least 2."""
    numbers = argument.array(labels, "labels")
    classes = 0
    if numbers.ndim == 2 and numbers.shape[1] > 1 and numbers.dtype.kind in "iufb":
        if not ((numbers == 0) | (numbers == 1)).all() or not (numbers.sum(axis=1) == 1).all():
            raise ValueError(f"labels of shape {numbers.shape} are not one-hot")
        classes = numbers.shape[1]
        numbers = numbers.argmax(axis=1)
    elif numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise ValueError(f"labels of shape {numbers.shape}, not (N,), (N, 1) or (N, classes)")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"labels are {numbers.dtype}, not whole numbers")
    limits = np.iinfo(np.int32)
    if numbers.size and not limits.min <= numbers.min() <= numbers.max() <= limits.max:
        raise ValueError("a label is out of the range of int32")
    return (
        np.ascontiguousarray(numbers, np.int32), classes or max(int(numbers.max(initial=0)) + 1, 2))


def weights_of(weights: ArrayLike, count: int) -> NDArray[np.float32]:
    """Weights of images as float32, (N,)."""
    numbers = argument.array(weights, "sample_weights")
    if numbers.shape not in [(count,), (count, 1)]:
        raise ValueError(
            f"sample_weights of shape {numbers.shape} for {count} images, not ({count},)")
    if numbers.dtype.kind not in "iuf":
        raise TypeError(f"sample_weights are {numbers.dtype}, not numbers")
    single = np.ascontiguousarray(numbers.reshape(count), np.float32)
    lost = np.flatnonzero((single == 0) & (numbers.reshape(count) != 0))
    if lost.size:
        raise ValueError(
            f"sample_weights[{lost[0]}] is {numbers.reshape(count)[lost[0]]}, which is 0 in float32")
    return single


def _planes(pixels: NDArray[Any], shape: Shape) -> NDArray[np.uint8]:
    channels, height, width = shape
    if pixels.shape[1:] == (height, width, channels):
        pixels = pixels.transpose(0, 3, 1, 2)
    elif channels == 1 and pixels.shape[1:] == (height, width):
        pixels = pixels[:, None]
    elif pixels.shape[1:] != shape:
        raise ValueError(
            f"images of shape {pixels.shape}, not (N, {height}, {width}, {channels}) or "
            f"(N, {channels}, {height}, {width})")
    return _bytes(pixels)


def _bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    factor = _factor(pixels)
    result = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _PIECE):
        piece = pixels[start : start + _PIECE]
        result[start : start + _PIECE] = (
            piece if factor is None else np.rint(piece.astype(np.float64) * factor))
    return result


def _factor(pixels: NDArray[Any]) -> Optional[float]:
    """What makes bytes of other numbers; None for those that are whole ones."""
    if pixels.dtype.kind not in "iuf":
        raise TypeError(f"images are {pixels.dtype}, neither bytes nor other numbers")
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    remedy = (
        "they are bytes from 0 to 255, or floats from 0 to 1 or from 0 to 255, and are normalised "
        "here, as the recipe says")
    if not 0 <= low <= high <= 255:  # nor NaN
        raise ValueError(f"images have values from {low} to {high}: {remedy}")
    if pixels.dtype.kind != "f":
        return None
    # Rounding takes numbers from 0 to 1 a little beyond it, and pictures whose brightest pixel is 1
    # of 255 are black: between them nobody knows.
    if 1 < high < 2:
        raise ValueError(
            f"images are floats up to {high}: from 0 to 1 they would end at 1 (images.clip(0, 1)), "
            "from 0 to 255 they would be black (images.astype('uint8'))")
    return 255.0 if high <= 1 else 1.0
