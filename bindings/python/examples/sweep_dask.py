"""The same sweep on Dask's workers, on this machine or a cluster's: pip install "dask[distributed]" optuna

    python sweep_dask.py /data/cifar10 --trials 20 --workers 2
    python sweep_dask.py /data/cifar10 --scheduler tcp://head:8786    # one that is there

Optuna chooses, Dask has the trials trained, and gives the trial of a worker that dies to another one,
which goes on with its run. All workers see one registry: a file on a disk that they share.
"""

import argparse
import os
from typing import Any, Optional

import cifar
import optuna
from dask.distributed import Client, LocalCluster, as_completed


def train(
    data: str, images: Optional[int], epochs: int, name: str, group: str, registry: str, **chosen: Any
) -> float:
    """A trial, in a worker: the best validation accuracy."""
    train, test = cifar.load(data, limit_train=images, limit_test=images)
    if not has_begun(registry, name):
        cifar.fit(
            train, test, epochs=epochs, name=name, group=group, registry=registry, threads=1,
            verbose=0, tags=[f"study={group}", f"trial={name.rpartition('-')[2]}"], **chosen)
    elif cifar.Registry(registry).run(name)["status"] != "completed":
        cifar.resume(name, train=train, validation=test, registry=registry, threads=1, verbose=0)
    return max(epoch["val_accuracy"] for epoch in cifar.Registry(registry).run(name)["epochs"])


def has_begun(registry: str, name: str) -> bool:
    """Whether there is a run to go on with. One without a checkpoint makes place for another."""
    try:
        runs = cifar.Registry(registry)
        if runs.run(name)["checkpoints"]:
            return True
        runs.remove(name)
    except cifar.errors.NotFoundError:
        pass
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description="Look for good hyperparameters.")
    parser.add_argument("data", help="the directory of CIFAR-10, or shapes")
    parser.add_argument("--study", default="sweep", help="its name, and that of the runs' group")
    parser.add_argument("--registry", default="runs.db", help="where the runs are")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=8, help="of a trial")
    parser.add_argument("--images", type=int, help="training images, to try it out")
    parser.add_argument("--scheduler", help="Dask's address; else workers are started here")
    parser.add_argument("--workers", type=int, default=2, help="how many, if they are")
    options = parser.parse_args()
    if os.path.exists(options.registry) and cifar.Registry(options.registry).runs(
            1, filter=f"group = '{options.study}'"):
        # Optuna keeps this study in memory: its trials begin with number 0 again.
        parser.error(f"{options.registry} has runs of a study {options.study}: choose another --study")
    client = Client(options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None))
    study = optuna.create_study(study_name=options.study, direction="maximize")
    trials = {}

    def begin():
        trial = study.ask()
        future = client.submit(
            train, options.data, options.images, options.epochs, f"{options.study}-{trial.number}",
            options.study, os.path.abspath(options.registry),
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2))
        trials[future.key] = trial
        return future

    at_once = min(options.trials, len(client.scheduler_info()["workers"]))
    under_way = as_completed([begin() for _ in range(at_once)])
    for future in under_way:
        study.tell(trials[future.key], future.result())
        if len(trials) < options.trials:
            under_way.add(begin())
    client.close()
    print(f"{study.best_trial.number}: {study.best_value:.2%} with {study.best_params}")


if __name__ == "__main__":
    main()
