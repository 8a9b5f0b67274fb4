"""A sweep with Optuna: start it several times at once, and each process takes trials of one study.

    python sweep.py /data/cifar10 --trials 20

A trial is a run of the group, named after the study and the trial's number. If a worker is killed,
another goes on with its run from the last checkpoint. Needs Optuna 4.9 or newer.
"""

import argparse
import os

import cifar
import optuna
from cifar.optuna import PruningCallback
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback


def main() -> None:
    parser = argparse.ArgumentParser(description="Look for good hyperparameters.")
    parser.add_argument("data", help="the directory of CIFAR-10, or shapes")
    parser.add_argument("--study", default="sweep", help="its name, and that of the runs' group")
    parser.add_argument("--storage", default="sqlite:///sweep.db", help="where Optuna keeps it")
    parser.add_argument("--registry", default="runs.db", help="where the runs are")
    parser.add_argument("--trials", type=int, default=20, help="how many the study is to have")
    parser.add_argument("--epochs", type=int, default=8, help="of a trial that is not pruned")
    parser.add_argument("--images", type=int, help="training images, to try it out")
    parser.add_argument("--model", default="tutorial", help="a preset")
    parser.add_argument("--threads", type=int, default=1, help="of one worker")
    parser.add_argument("--heartbeat", type=int, default=30, help="seconds between two")
    options = parser.parse_args()
    train, test = cifar.load(options.data, limit_train=options.images, limit_test=options.images)

    def objective(trial: optuna.Trial) -> float:
        # A trial that takes the place of a killed worker's has its attributes.
        taken_up = "run" in trial.user_attrs
        name = trial.user_attrs.get("run", f"{options.study}-{trial.number}")
        trial.set_user_attr("run", name)
        callbacks = [PruningCallback(trial)]
        learning_rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
        batch_size = trial.suggest_categorical("batch_size", [32, 64, 128])
        label_smoothing = trial.suggest_float("label_smoothing", 0.0, 0.2)
        if taken_up and has_begun(name):
            registry = cifar.Registry(options.registry)
            registry.tag(name, f"trial={trial.number}")
            if registry.run(name)["status"] != "completed":
                cifar.resume(
                    name, train=train, validation=test, registry=options.registry,
                    threads=options.threads, verbose=0, callbacks=callbacks)
            return best(name)
        cifar.fit(
            train, test, model=options.model, epochs=options.epochs, batch_size=batch_size,
            learning_rate=learning_rate, label_smoothing=label_smoothing, name=name,
            group=options.study, registry=options.registry, threads=options.threads, verbose=0,
            callbacks=callbacks)
        return best(name)

    def has_begun(name: str) -> bool:
        """Whether there is a run to go on with. One without a checkpoint makes place for another."""
        registry = cifar.Registry(options.registry)
        try:
            if registry.run(name)["checkpoints"]:
                return True
            registry.remove(name)
        except cifar.errors.NotFoundError:
            pass
        return False

    def best(name: str) -> float:
        """Over all epochs of the run, also those before it was resumed."""
        run = cifar.Registry(options.registry).run(name)
        return max(epoch["val_accuracy"] for epoch in run["epochs"])

    study = optuna.create_study(
        study_name=options.study, direction="maximize", load_if_exists=True,
        storage=RDBStorage(
            options.storage, heartbeat_interval=options.heartbeat,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
                inherit_intermediate_values=True)),
        pruner=optuna.pruners.HyperbandPruner(max_resource=options.epochs))
    has_runs = os.path.exists(options.registry) and cifar.Registry(options.registry).runs(
        1, filter=f"group = '{options.study}'")
    if has_runs and not study.trials:
        parser.error(
            f"{options.registry} has runs of another study {options.study}: choose another --study")
    ended = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED
    if len(study.get_trials(states=ended)) < options.trials:
        study.optimize(
            objective,
            callbacks=[optuna.study.MaxTrialsCallback(options.trials, states=ended)])
    print(f"{study.best_trial.number}: {study.best_value:.2%} with {study.best_params}")


if __name__ == "__main__":
    main()
