"""A program of somebody who checks types, with mypy --strict and with pyright."""

import logging
from typing import Any, Optional

import cifar
import numpy as np
import numpy.typing as npt


class Patience(cifar.Callback):
    """Every method of a callback, with what it is told."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best = 0.0
        self.since = 0
        self.losses: list[float] = []

    def on_train_begin(self) -> None:
        self.since = 0

    def on_epoch_begin(self, batch: cifar.Batch) -> None:
        if batch.epoch > 1:
            self.set_learning_rate(batch.learning_rate * 0.5)

    def on_batch_begin(self, batch: cifar.Batch) -> None:
        assert 0 <= batch.batch < batch.batches

    def on_batch_end(self, batch: cifar.Batch) -> None:
        self.losses.append(batch.loss)

    def on_validation_begin(self) -> None:
        self.losses.clear()

    def on_validation_end(self, result: cifar.Validation) -> None:
        self.since = 0 if result.accuracy > self.best else self.since + 1
        self.best = max(self.best, result.accuracy)

    def on_epoch_end(self, epoch: cifar.Epoch) -> None:
        epoch.log(gap=epoch.train_accuracy - epoch.val_accuracy)
        if self.since >= self.patience:
            self.model.save(f"epoch{epoch.epoch}-of-{self.params['epochs']}.safetensors")
            self.stop_training = True

    def on_storage_wait(self, wait: cifar.StorageWait) -> None:
        if wait.seconds_left is not None and wait.seconds > 60:
            raise cifar.StopTraining("the registry is held for too long")

    def on_train_end(self) -> None:
        logging.info("trained, %.1f %% at best", 100 * self.best)


def halved(epoch: int, rate: float) -> Optional[float]:
    return rate / 2 if epoch > 0 else None


def own_data() -> cifar.Dataset:
    images: npt.NDArray[np.uint8] = np.zeros((8, 32, 32, 3), np.uint8)
    return cifar.Dataset.from_arrays(images, [0, 1] * 4, ["cat", "dog"], split="test")


def small_model(classes: int) -> cifar.ModelSpec:
    def block(spec: cifar.ModelSpec) -> cifar.ModelSpec:
        return spec.conv2d(8).batch_norm().relu().conv2d(8, padding="same")

    spec = cifar.ModelSpec().conv2d(8, kernel_size=5, stride=2).relu().residual(block)
    return spec.relu().max_pool().dropout(0.1).global_average_pool().dense(classes)


def describe(row: cifar.RunRow) -> str:
    name: str = row["name"] or row["id"][:8]
    accuracy: Optional[float] = row["best_val_accuracy"]
    return f"{name}: {row['epochs']} epochs, {'-' if accuracy is None else format(accuracy, '.3f')}"


def main() -> None:
    cifar.set_log(logging.getLogger("cifar").log)
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    settings: dict[str, Any] = {"optimizer": "sgd", "momentum": 0.9}
    run: cifar.Run = cifar.fit(
        train, test, model=small_model(len(train.class_names)), epochs=2, name="typed",
        tags=["typed"], verbose=2,
        callbacks=[
            Patience(5), print, cifar.LearningRateScheduler(halved),
            cifar.EarlyStopping(patience=3)],
        on_batch=lambda batch: logging.debug("%d images", batch.images), **settings)
    losses: list[float] = [epoch.val_loss for epoch in run.epochs]

    registry = cifar.Registry()
    print([describe(row) for row in registry.runs(filter="epochs > 0", limit=5)], losses)
    assert run.id is not None
    details: cifar.RunDetails = registry.run(run.id)
    newest: cifar.CheckpointRow = details["checkpoints"][-1]
    rates: list[float] = [epoch["learning_rate"] for epoch in details["epochs"]]
    gaps: dict[int, float] = {row["epoch"]: row["value"] for row in details["metrics"]}
    print(newest["sha256"], rates, gaps, [note["text"] for note in details["notes"]])

    model: cifar.Model = cifar.Model.from_run("typed", checkpoint=newest["id"])
    result: cifar.Evaluation = model.evaluate(test, flips=True)
    scores: cifar.ClassScores = result.classes[test.class_names[0]]
    probabilities: npt.NDArray[np.float32] = model.predict(own_data().images)
    print(result.accuracy, result.count, scores.f1, probabilities.argmax(axis=1).tolist())
    try:
        cifar.resume("typed", epochs=3, callbacks=[lambda epoch: epoch.is_best])
    except cifar.CifarError as error:
        status: str = error.status
        print(status, str(error))


if __name__ == "__main__":
    main()
