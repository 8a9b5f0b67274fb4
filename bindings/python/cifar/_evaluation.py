"""How good a model is."""

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

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
    flips: bool
    classes: Dict[str, ClassScores]
    confusion: List[List[int]]

    def _repr_html_(self) -> str:
        head = (
            f"accuracy {self.accuracy:.2%}, loss {self.loss:.4f}, top-5 accuracy "
            f"{self.top5_accuracy:.2%}, macro F1 {self.macro_f1:.3f} on {self.count:,} images")
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
