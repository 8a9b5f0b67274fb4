"""What `fit` shows of a training while it goes on, in the words of the command `cifar train`."""

import html
import importlib
import logging
import math
import os
import sys
import time
from typing import Any, Dict, List, Optional

from ._html import monospaced
from ._callbacks import Callback
from .events import Batch, Epoch, Validation

# Seconds between two pictures of the bar.
_INTERVAL = 0.1


def progress_of(verbose: object) -> "Optional[Progress]":
    """What shows a training; None for nothing."""
    if isinstance(verbose, str) and verbose == "auto":
        if _is_notebook():
            return NotebookProgress()
        return BarProgress() if _is_terminal() else Progress()
    if not hasattr(verbose, "__index__") or verbose not in (0, 1, 2):
        raise ValueError(
            f"verbose {verbose!r} is none of 'auto', 0 (nothing), 1 (a bar) and 2 (lines)")
    if verbose == 1:
        return NotebookProgress() if _is_notebook() else BarProgress()
    return Progress() if verbose else None


def _is_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _is_terminal() -> bool:
    try:
        return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


class Progress(Callback):
    """Lines: one at the beginning, and one an epoch."""

    verbose = 2

    def __init__(self) -> None:
        self._is_off = False

    def begin(
        self, run: Optional[str], registry: Optional[str], parameters: int,
        hyperparameters: Dict[str, Any],
    ) -> None:
        """Called before anything is trained."""
        data = hyperparameters["data"]
        # Arrays have no place.
        place = data.get("location") or data["name"]
        head = f"Run {run[:8]} in {registry}" if run else "Run without a registry"
        train, validation = data["train_count"], data["validation_count"]
        split = ""
        if hyperparameters.get("validation_split") is not None:
            split = (
                f" (validation_split {hyperparameters['validation_split']} holds out {validation:,} of "
                f"{train + validation:,}, {_percent(validation / (train + validation))})")
        self.tell(
            f"{head}: recipe {hyperparameters['recipe']}, model {hyperparameters['model']}, "
            f"{parameters:,} parameters, "
            f"{train:,} + {validation:,} images of {place}{split}")

    def on_epoch_end(self, epoch: Epoch, /) -> None:
        number = f"{epoch.epoch}".rjust(len(str(self.params["epochs"])))
        self.tell(
            f"epoch {number}/{self.params['epochs']}"
            f"  loss {_loss(epoch.train_loss)}  acc {_percent(epoch.train_accuracy)}"
            f"  val_loss {_loss(epoch.val_loss)}  val_acc {_percent(epoch.val_accuracy)}"
            f"  lr {epoch.learning_rate:.4g}  {_duration(epoch.seconds)}"
            f"  {epoch.images_per_second:.0f} img/s" + ("  best" if epoch.is_best else ""))

    def end(self) -> None:
        """Called when training is over, whatever ended it."""

    def tell(self, line: str) -> None:
        """Shows a line that stays."""
        self._write(_printable(line) + "\n")

    def _write(self, text: str) -> None:
        stream = sys.stdout
        if self._is_off or stream is None:
            return
        try:
            encoding = getattr(stream, "encoding", None) or "utf-8"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as error:  # a pipe without a reader, a closed file
            self._is_off = True
            logging.getLogger("cifar").warning(
                "the training continues, but can't be shown any more: %s", error)


class BarProgress(Progress):
    """And between them a bar that is drawn again and again."""

    verbose = 1

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0.0
        self._is_shown = False
        self._length = 0
        self._last: Optional[Batch] = None
        # Of the last epoch's validation, for the time that is left.
        self._validation_seconds = 0.0

    def on_batch_end(self, batch: Batch, /) -> None:
        self._last = batch
        now = time.monotonic()
        if now - self._drawn >= _INTERVAL or batch.batch == batch.batches:
            self._drawn = now
            left = _duration(_seconds_left(batch, self._validation_seconds))
            rate = batch.images / max(batch.seconds, 1e-9)
            self.draw(batch, f"{rate:.0f} img/s  ETA {left}")

    def on_validation_begin(self) -> None:
        if self._last is not None:
            self.draw(self._last, "validating ...")

    def on_validation_end(self, validation: Validation, /) -> None:
        self._validation_seconds = validation.seconds

    def draw(self, batch: Batch, note: str) -> None:
        share = batch.batch / batch.batches
        head = f"epoch {batch.epoch}/{batch.epochs} "
        tail = f" {_percent(share)}  {_measured(batch)}  {note}"
        width = _width()
        room = min(30, width - len(head) - len(tail) - 3)
        bar = ""
        if room >= 5:
            bar = f"[{'=' * int(share * room)}".ljust(room + 1) + "]"
        self._redraw((head + bar + tail)[: width - 1])
        self._is_shown = True

    def tell(self, line: str) -> None:
        self.end()
        super().tell(line)

    def end(self) -> None:
        if self._is_shown:
            self._is_shown = False
            self._redraw("")

    def _redraw(self, line: str) -> None:
        # What the line before has more is erased by a terminal, and covered with spaces elsewhere.
        if _is_terminal():
            self._write(f"\r{line}\x1b[K")
        else:
            self._write(f"\r{line}".ljust(self._length + 1) + ("" if line else "\r"))
        self._length = len(line)


class NotebookProgress(BarProgress):
    """The same below a cell: lines, and while an epoch goes on a bar under them."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: List[str] = []
        self._bar: Optional[str] = None
        self._text = ""
        self._handle: Any = None

    def draw(self, batch: Batch, note: str) -> None:
        head = f"epoch {batch.epoch}/{batch.epochs}"
        tail = f"{_percent(batch.batch / batch.batches)}  {_measured(batch)}  {note}"
        self._bar = (
            f'{head} <progress value="{batch.batch}" max="{batch.batches}" '
            f'style="vertical-align: middle"></progress> {tail}')
        self._text = f"{head}  {tail}"
        self._show()

    def tell(self, line: str) -> None:
        self._lines.append(_printable(line))
        self._bar, self._text = None, ""
        self._show()

    def end(self) -> None:
        if self._bar is not None:
            self._bar, self._text = None, ""
            self._show()

    def _show(self) -> None:
        lines = [html.escape(line) for line in self._lines] + [self._bar or ""]
        bundle = {
            "text/plain": "\n".join([*self._lines, self._text]).rstrip("\n"),
            "text/html": monospaced("\n".join(lines).rstrip("\n")),
        }
        if self._handle is None:
            ipython = importlib.import_module("IPython.display")
            self._handle = ipython.display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _seconds_left(batch: Batch, validation_seconds: float) -> float:
    """Until all epochs are done, if nothing ends the training before."""
    epoch = batch.seconds * batch.batches / max(batch.batch, 1)
    return (batch.epochs - batch.epoch + 1) * (epoch + validation_seconds) - batch.seconds


def _width() -> int:
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, 1)
    except (OSError, AttributeError, ValueError):
        return 80


def _printable(text: str) -> str:
    """Control characters, which a terminal would obey, spelled out."""
    return "".join(
        letter if letter.isprintable() else f"\\u{{{ord(letter):X}}}" for letter in text)


def _measured(batch: Batch) -> str:
    return f"loss {_loss(batch.loss)}  accuracy {_percent(batch.accuracy)}"


def _loss(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10_000 else f"{value:.4g}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if math.isfinite(share) else f"{share}"


def _duration(seconds: float) -> str:
    """In its two largest units: ``1h 02m``, ``3m 41s``, ``12.3 s``, ``4 ms``."""
    if not math.isfinite(seconds):
        return f"{seconds}"
    if seconds < 0.9995:
        return f"{1000 * max(seconds, 0):.{1 if seconds < 0.00995 else 0}f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole // 60 % 60:02}m"
    return f"{whole // 86_400}d {whole // 3600 % 24:02}h"
