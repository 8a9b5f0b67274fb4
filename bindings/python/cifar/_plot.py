"""Learning curves, by matplotlib."""

import importlib
from typing import Any, Mapping, Sequence

from numpy.typing import NDArray


def curves(rows: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
    """Two axes: losses and accuracies by epoch."""
    try:
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError("plot needs matplotlib: pip install matplotlib") from error
    axes: NDArray[Any]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    # One point has no line.
    mark = "o" if len(epochs) < 2 else ""
    for ax, metric, factor in zip(axes, ["loss", "accuracy"], [1, 100]):
        for part, label in [("train", "training"), ("val", "validation")]:
            values = [factor * row[f"{part}_{metric}"] for row in rows]
            ax.plot(epochs, values, label=label, marker=mark)
        ax.set_xlabel("epoch")
        ax.set_ylabel(metric if factor == 1 else f"{metric} (%)")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend()
    return axes


def rate_curve(curve: Any) -> Any:
    """One axis: losses by the logarithm of the rate, as far as they are not beyond those that the
    search began with."""
    try:
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError("plot needs matplotlib: pip install matplotlib") from error
    _, ax = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    ax.plot(curve.rates, curve.losses, alpha=0.4, label="loss")
    ax.plot(curve.rates, curve.smoothed, label="smoothed")
    if curve.suggestion is not None:
        ax.axvline(curve.suggestion, linestyle="--", label=f"suggested: {curve.suggestion:.2g}")
    lowest = int(curve.smoothed.argmin())
    ax.set_ylim(top=1.2 * curve.smoothed[:lowest + 1].max())
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax
