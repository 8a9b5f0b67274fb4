"""Writes whitening.json next to this file: the filters that NumPy's `eigh` makes of the 2×2 patches of
20 images of 3×6×7 numbers, in float64.

Images come from Philox, as in make_tutorial_golden.py. Neighbours are mixed, so that the eigenvalues
lie apart. Needs numpy and torch. Run: python make_whitening_golden.py
"""

import json
import pathlib

import numpy

from make_tutorial_golden import SYNTHETIC_IMAGES, uniform

noise = uniform((20, 3, 6, 7), SYNTHETIC_IMAGES, 2000, 2).numpy()
images = noise.copy()
# In float32, as the test mixes them.
images[:, :, :, 1:] += numpy.float32(0.75) * noise[:, :, :, :-1]
images[:, 1:] += numpy.float32(0.5) * noise[:, :-1]
images = images.astype(numpy.float64)
patches = numpy.array([
    image[:, y : y + 2, x : x + 2].ravel()
    for image in images for y in range(5) for x in range(6)])
values, vectors = numpy.linalg.eigh(patches.T @ patches / len(patches))
values, vectors = values[::-1], vectors.T[::-1]
largest = vectors[numpy.arange(12), abs(vectors).argmax(1)]
vectors = vectors * numpy.sign(largest)[:, None]
filters = vectors / numpy.sqrt(values + 5e-4)[:, None]
golden = {
    "values": [round(v, 10) for v in values.tolist()],
    "filters": [[round(w, 8) for w in row] for row in filters.tolist()],
}
pathlib.Path(__file__).with_name("whitening.json").write_text(json.dumps(golden) + "\n")
