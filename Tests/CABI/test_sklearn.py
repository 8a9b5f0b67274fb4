"""`cifar.sklearn.CifarClassifier`, by scikit-learn's own checks and as its users take it."""

import doctest
import pickle
import subprocess
import sys

import cifar
import numpy as np
import pytest
from conftest import ROOT

pytest.importorskip("sklearn", "1.6")
from cifar import sklearn as own  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

# What scikit-learn expects of every estimator, and this one does not do.
EXCEPTIONS = {
    "check_sample_weight_equivalence_on_dense_data":
        "batches are drawn: an image of weight 2 is in one batch, an image that is there twice in two",
    "check_sample_weights_invariance": "likewise, in scikit-learn 1.6",
}


def layers(classes):
    return [
        {"type": "conv2d", "filters": 16}, {"type": "relu"}, {"type": "flatten"},
        {"type": "dense", "units": classes},
    ]


def classifier(**arguments):
    chosen = {
        "epochs": 3, "learning_rate": 0.01, "random_state": 0, "options": {"augmentations": []},
        **arguments}
    return own.CifarClassifier(layers, **chosen)


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return images / 16, labels


@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn():
    estimator = classifier(epochs=30, batch_size=16, image_shape="square")
    results = check_estimator(
        estimator, on_fail=None, on_skip=None, expected_failed_checks=EXCEPTIONS)
    failed = {
        result["check_name"]: result["exception"] for result in results
        if result["status"] == "failed"}
    assert not failed
    passed = [result for result in results if result["status"] == "passed"]
    assert len(passed) > 45
    # An exception that is none any more does not stay in the list.
    assert any(result["status"] == "xfail" for result in results)


def test_rows_of_pixels_are_images(digits):
    images, labels = digits
    names = np.array([f"digit {label}" for label in labels])
    trained = classifier().fit(images[:1000], names[:1000])
    assert trained.score(images[1000:], names[1000:]) > 0.85
    assert list(trained.classes_) == [f"digit {index}" for index in range(10)]
    assert (trained.n_features_in_, trained.n_iter_) == (64, 3)
    assert trained.model_.hyperparameters["model_spec"]["input"] == [1, 8, 8]
    # The same as pictures, and in the range of bytes.
    squares = clone(trained).fit(images[:1000].reshape(-1, 8, 8), names[:1000])
    probabilities = trained.predict_proba(images[1000:])
    assert np.array_equal(squares.predict_proba(images[1000:].reshape(-1, 8, 8)), probabilities)
    bytes_ = np.round(images * 255).astype(np.uint8)
    again = classifier(n_jobs=1).fit(bytes_[:1000], names[:1000])
    assert np.array_equal(again.predict_proba(bytes_[1000:]), probabilities)
    # What 1 means was decided by the images of `fit`, not by those that are asked about.
    dark = images[1000:1004] * 0.01
    assert np.array_equal(
        trained.predict_proba(dark), trained.predict_proba(np.vstack([dark, images[:50]]))[:4])
    assert np.array_equal(
        pickle.loads(pickle.dumps(trained)).predict_proba(images[1000:]), probabilities)


def test_colour_images_in_rows_and_as_they_are():
    train, test = cifar.load("shapes", limit_train=200, limit_test=50)
    trained = classifier(epochs=1).fit(train.images, train.labels)
    rows = train.images.transpose(0, 3, 1, 2).reshape(200, -1)
    of_rows = classifier(epochs=1).fit(rows, train.labels)
    answers = trained.predict_proba(test.images)
    assert np.array_equal(
        of_rows.predict_proba(test.images.transpose(0, 3, 1, 2).reshape(50, -1)), answers)
    shaped = classifier(epochs=1, image_shape=(3, 32, 32)).fit(rows, train.labels)
    assert np.array_equal(shaped.predict_proba(rows[:5]), of_rows.predict_proba(rows[:5]))


def test_searches_and_cross_validation(digits):
    images, labels = digits
    search = GridSearchCV(classifier(), {"learning_rate": [1e-2, 1e-6]}, cv=2)
    search.fit(images[:400], labels[:400])
    assert search.best_params_ == {"learning_rate": 1e-2}
    assert cross_val_score(classifier(), images[:400], labels[:400], cv=2).mean() > 0.5


def test_a_registry_keeps_the_runs(digits, workplace):
    images, labels = digits
    trained = classifier(
        registry=workplace / "runs.db", group="digits", validation_fraction=0.2,
        options={"name": "first", "augmentations": []}).fit(images[:300], labels[:300])
    [row] = cifar.Registry(workplace / "runs.db").runs()
    assert (row["name"], row["group"]) == ("first", "digits")
    assert trained.run_.id == row["id"]
    data = trained.model_.hyperparameters["data"]
    assert (data["train_count"], data["validation_count"]) == (240, 60)
    assert not classifier().fit(images[:50], labels[:50]).run_.id


def test_what_can_not_be(digits):
    images, labels = digits
    with pytest.raises(NotFittedError):
        classifier().predict(images)
    with pytest.raises(ValueError, match="63 columns, which is no square image"):
        classifier().fit(images[:, 1:], labels)
    with pytest.raises(ValueError, match="64 columns, and images of 3×8×8 numbers have 192"):
        classifier(image_shape=(3, 8, 8)).fit(images, labels)
    with pytest.raises(ValueError, match="outside of what images have"):
        classifier().fit(images - 0.5, labels)
    with pytest.raises(ValueError, match="only one class"):
        classifier().fit(images[:3], [1, 1, 1])
    with pytest.raises(ValueError, match="all sample weights are zero"):
        classifier().fit(images[:4], [0, 1, 0, 1], sample_weight=np.zeros(4))
    trained = classifier(epochs=1).fit(images[:100], labels[:100])
    with pytest.raises(ValueError, match="outside of what images have"):
        trained.predict(images * 300)
    with pytest.raises(cifar.CifarError, match="optimizer"):
        classifier(options={"optimizer": "none such"}).fit(images[:100], labels[:100])


def test_weights_of_classes_and_images(digits):
    images, labels = digits
    some = labels < 2
    images, labels = images[some], labels[some]
    first = classifier(class_weight={0: 1000, 1: 1e-4}).fit(images, labels)
    assert (first.predict(images) == 0).mean() > 0.9
    weighted = classifier().fit(images, labels, sample_weight=np.where(labels == 1, 1000, 1e-4))
    assert (weighted.predict(images) == 1).mean() > 0.9
    assert classifier(class_weight="balanced").fit(images, labels).score(images, labels) > 0.9


def test_the_error_without_scikit_learn():
    program = """
import sys
sys.modules["sklearn"] = None
import cifar
try:
    import cifar.sklearn
except ImportError as error:
    print(error)
"""
    printed = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT / "bindings" / "python")},
        check=True, capture_output=True, text=True).stdout
    assert printed == (
        "cifar.sklearn needs scikit-learn 1.6 or newer: pip install 'scikit-learn>=1.6'\n")


def test_the_documented_example():
    done = doctest.testmod(own)
    assert (done.attempted > 4, done.failed) == (True, 0)
