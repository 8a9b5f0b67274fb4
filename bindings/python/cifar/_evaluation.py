"""How good a model is."""

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ._html import confusion, paragraph


class _Pair:
    """What is taken apart as what Keras's ``evaluate`` returns."""

    def __iter__(self: Any) -> Iterator[float]:
        yield self.loss
        yield self.accuracy

    def __getitem__(self: Any, place: int) -> float:
        pair: Tuple[float, float] = (self.loss, self.accuracy)
        return pair[place]

    def __len__(self) -> int:
        return 2


class ClassScores(NamedTuple):
    """How good a model is at one class.

    Attributes
    ----------
    precision : float
        The share of the images taken for this class that are of it, 0 to 1.
    recall : float
        The share of this class's images that were taken for it, 0 to 1.
    f1 : float
        The harmonic mean of the two, 0 to 1.
    support : int
        Images of the class.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> model = cifar.fit(train, test, epochs=1, verbose=0, record=False).model
    >>> scores = model.evaluate(test).classes[test.class_names[0]]
    >>> 0 <= scores.f1 <= 1
    True
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation(_Pair):
    """How good a model is on a data set: ``loss, accuracy = model.evaluate(test)``, and more.

    Attributes
    ----------
    loss : float
        Mean cross-entropy, by the natural logarithm, of the kind that the model was trained with;
        with flips, that of the averaged probabilities, without label smoothing. Computed from
        logits, never clipped.
    accuracy : float
        The share of images taken for what they are, 0 to 1.
    count : int
        Images it was measured on.
    top5_accuracy : float
        The share of images whose label is among the five most probable classes, 0 to 1.
    macro_f1 : float
        The mean of the classes' F1, 0 to 1.
    accuracy_interval : tuple of float, (2,)
        Where the accuracy on all such images lies, with 95 % confidence: Wilson's interval of a
        binomial share. It knows nothing of how the model was chosen.
    chose_epoch : bool
        Whether the model's weights were chosen on these images, or on some of them: as the best
        checkpoint by a callback that watches how the run does on them, or as those that early stopping
        ended with. False also where nobody knows.
    flips : bool
        Whether each image was averaged with its mirror image.
    classes : dict of str to ClassScores
        By the class's name.
    confusion : list of list of int, (classes, classes)
        Images by label and, in each row, by the class that they were taken for.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> result = cifar.fit(train, test, epochs=1, verbose=0, record=False).model.evaluate(test)
    >>> result.count, sum(map(sum, result.confusion))
    (32, 32)
    """

    loss: float
    accuracy: float
    count: int
    top5_accuracy: float
    macro_f1: float
    accuracy_interval: Tuple[float, float]
    chose_epoch: bool
    flips: bool
    classes: Dict[str, ClassScores]
    confusion: List[List[int]]

    def _repr_html_(self) -> str:
        low, high = self.accuracy_interval
        head = (
            f"accuracy {self.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), loss {self.loss:.4f}, top-5 accuracy "
            f"{self.top5_accuracy:.2%}, macro F1 {self.macro_f1:.3f} on {self.count:,} images"
            + ("; these images chose the epoch" if self.chose_epoch else ""))
        scores = [item[:3] for item in self.classes.values()]
        return paragraph(head) + confusion(
            list(self.classes), self.confusion, scores, ClassScores._fields[:3])


@dataclass(frozen=True)
class AugmentedEvaluation(_Pair):
    """How good a model is with test-time augmentation: ``loss, accuracy = …``, and more.

    Attributes
    ----------
    tta : str
        The augmentation: say so where you give the accuracy.
    loss : float
        As in ``Evaluation``, of the averaged logits.
    accuracy : float
        The share of images taken for what they are, 0 to 1.
    count : int
        Images it was measured on.
    top5_accuracy : float
        The share of images whose label is among the five most probable classes, 0 to 1.
    macro_f1 : float
        The mean of the classes' F1, 0 to 1.
    accuracy_interval : tuple of float, (2,)
        As in ``Evaluation``.
    chose_epoch : bool
        As in ``Evaluation``.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> model = cifar.fit(train, test, epochs=1, verbose=0, record=False).model
    >>> model.evaluate_augmented(test, tta="mirror").tta
    'mirror'
    """

    tta: str
    loss: float
    accuracy: float
    count: int
    top5_accuracy: float
    macro_f1: float
    accuracy_interval: Tuple[float, float]
    chose_epoch: bool


@dataclass(frozen=True)
class FinalResult:
    """How good the network is that a training ended with.

    Attributes
    ----------
    is_of_test_images : bool
        Whether it is of the test images, as a part of the training images was validated on; else it
        is of the images that were validated on.
    epoch : int
        Whose weights they are, from 1.
    earlier_looks : int
        At other epochs of the run that looked at the test images.
    images : int
        Images it was measured on.
    loss : float
        As in ``Evaluation``.
    accuracy : float
        The share of images taken for what they are, 0 to 1.
    accuracy_interval : tuple of float, (2,)
        As in ``Evaluation``.
    augmented_loss : float or None
        With the run's test-time augmentation; None without one.
    augmented_accuracy : float or None
        Likewise.
    chose_epoch : bool
        As in ``Evaluation``.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, validation_split=0.25, epochs=1, verbose=0, record=False)
    >>> run.result.is_of_test_images, run.result.images
    (True, 32)
    """

    is_of_test_images: bool
    epoch: int
    earlier_looks: int
    images: int
    loss: float
    accuracy: float
    accuracy_interval: Tuple[float, float]
    augmented_loss: Optional[float]
    augmented_accuracy: Optional[float]
    chose_epoch: bool

    def __str__(self) -> str:
        low, high = self.accuracy_interval
        kind = "test images" if self.is_of_test_images else "images validated on"
        if self.earlier_looks:
            kind += f", looked at after {self.earlier_looks} earlier epoch" + (
                "s too" if self.earlier_looks > 1 else " too")
        line = (
            f"weights of epoch {self.epoch} on {self.images:,} {kind}: accuracy {self.accuracy:.2%} "
            f"(95 % interval {low:.2%} to {high:.2%})")
        if self.augmented_accuracy is not None:
            line += f", with test-time augmentation {self.augmented_accuracy:.2%}"
        if self.chose_epoch:
            line += "; these images chose the epoch"
        return line
