"""What the loss of each image counts in training."""

import pickle

import cifar
import numpy as np
import pytest

OPTIONS = {
    "model": cifar.ModelSpec().flatten().dense(10), "record": False, "verbose": 0,
    "early_stopping": False,
}


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


@pytest.mark.parametrize("recipe", ["pytorch", "keras"])
def test_images_have_weights(small, workplace, recipe):
    train, test = small
    options = {**OPTIONS, "epochs": 2, "recipe": recipe}
    ofclasses = np.array([1, 1, 1, 5, 0, 1, 1, 1, 1, 1], np.float32)
    by_class = cifar.fit(train, test, class_weight=ofclasses, **options)
    weights = ofclasses[train.labels]
    by_image = cifar.fit(train, test, sample_weight=weights, **options)
    arrays = (train.images, train.labels)
    of_arrays = cifar.fit(*arrays, validation_data=test, sample_weight=weights[:, None], **options)
    weighted = cifar.Dataset.from_arrays(*arrays, train.class_names, sample_weights=weights)
    of_data = cifar.fit(weighted, test, **options)
    assert by_class.history == by_image.history == of_arrays.history == of_data.history
    both = cifar.fit(train, test, class_weight={3: 2}, sample_weight=weights, **options)
    assert both.history != by_class.history
    # Validation counts all alike.
    assert by_image.model.evaluate(weighted) == by_image.model.evaluate(train)
    split = cifar.fit(train, validation_split=0.25, sample_weight=weights, **options)
    share = len(train) * 3 // 4
    parts = cifar.fit(weighted[:share], train[share:], **options)
    assert split.history == parts.history
    # And it resumes to the same bits, on the weights that it began with.
    options = {**options, "record": True}
    cifar.fit(weighted, test, **{**options, "epochs": 1}, name="weighted")
    for other in [train, cifar.Dataset.from_arrays(*arrays, train.class_names)]:
        with pytest.raises(cifar.CifarError) as info:
            cifar.resume("weighted", train=other, validation=test, epochs=2)
        assert info.value.status == "CIFAR_E_SHAPE_MISMATCH"
    again = cifar.resume("weighted", train=weighted, validation=test, epochs=2)
    assert again.history["val_loss"] == of_data.history["val_loss"][1:]


def test_weights_of_images_stay_with_them(small):
    weights = np.arange(len(small.train), dtype=np.float64)
    whole = cifar.Dataset.from_arrays(
        small.train.images, small.train.labels, sample_weights=weights)
    assert whole.sample_weights.dtype == np.float32 and (whole.sample_weights == weights).all()
    assert (whole[10:20].sample_weights == weights[10:20]).all()
    assert (pickle.loads(pickle.dumps(whole)).sample_weights == weights).all()
    assert small.train.sample_weights is None and small.train[:3].sample_weights is None


@pytest.mark.parametrize(
    "weights, error, words",
    [
        (np.ones(3), ValueError, "sample_weights of shape (3,) for"),
        (["1"] * 640, (TypeError, ValueError), "sample_weights"),
        (-1, cifar.CifarError, "the sample weight of image 0 is -1"),
        (np.nan, cifar.CifarError, "the sample weight of image 0 is nan"),
        (2e6, cifar.CifarError, "not a number from 0 to 1e6"),
        (0, cifar.CifarError, "all sample weights are 0"),
    ],
)
def test_weights_of_images_that_can_not_be_are_refused(small, weights, error, words):
    if np.isscalar(weights):
        weights = np.full(len(small.train), weights, np.float32)
    with pytest.raises(error) as info:
        cifar.fit(*small, sample_weight=weights, epochs=1, **OPTIONS)
    assert words in str(info.value)
