#!/usr/bin/env python3
"""Writes callbacks.json: what the callbacks of PyTorch and Keras do with given metrics.

PyTorch has a scheduler and Keras has all three callbacks; they are the real ones. The loop of the
PyTorch tutorial (stop, keep the best) is written out here. Needs torch and keras.

A row an epoch: learning rate, best value, wait and cooldown of ReduceLROnPlateau; best value, its
epoch, wait and whether training ends of EarlyStopping. Of ModelCheckpoint the epochs that it saves.
"""

import json
import math
import os
import pathlib
import random
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import torch

NAN, INF = math.nan, math.inf
# Best, ties, exactly the threshold below the best, just more than that, and up again.
EDGES = [1.0, 1.0, 0.9999, 0.9998999, 0.99979991, 0.9996, 0.9996, 0.9995, 0.9994, 2.0, 0.5, 0.4999]
TRACES = {
  "falls": [2.0, 1.5, 1.2, 1.1, 1.05, 1.0, 0.9, 0.8, 0.7, 0.6],
  "plateau": [1.0, 0.9] + [0.9, 0.95] * 10,
  "constant": [0.5] * 20,
  "edges": EDGES,
  "NaN first": [NAN, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
  "NaN between": [1.0, NAN, 0.9, NAN, NAN, NAN, 0.8, NAN, NAN, NAN, NAN, NAN, NAN],
  "infinite first": [INF, INF, 1.0, INF, 0.5, 0.6, -INF, -INF, 0.1, 0.1, 0.1],
  "minus infinite first": [-INF, -INF, 1.0, 2.0, INF, INF, 3.0, 3.0, 3.0],
  "around zero": [0.0, -0.0, -1e-5, 1e-5, -1e-4, -1e-3, -1e-3, -1.0, -1.0001, -1.00011, -1.0],
}
for number in range(4):
  # Improvements that 64 bits see and 32 do not. Options are drawn, so some more of them.
  TRACES[f"below 32 bits, {number}"] = [
    0.7 - 1e-9 * epoch * (1 if number % 2 else -1) for epoch in range(14)]


def random_traces():
  source = random.Random(7)
  for index in range(12):
    step = source.choice([1e-4, 0.05, 5e-5, 1e-3])
    value = 1.0
    values = []
    for _ in range(30):
      value += step * source.choice([-2, -1, -1, 0, 0, 1, 1])
      values.append(round(value, 7) if source.random() > 0.02 else NAN)
    yield f"random {index}", values


def reduce_options():
  source = random.Random(8)
  fixed = [
    {"factor": 0.5, "patience": 5, "threshold": 1e-4, "cooldown": 0, "min_lr": 0.0},
    {"factor": 0.1, "patience": 0, "threshold": 0.0, "cooldown": 0, "min_lr": 1e-5},
    {"factor": 0.5, "patience": 1, "threshold": 1e-4, "cooldown": 2, "min_lr": 0.0},
    {"factor": 0.9, "patience": 2, "threshold": 0.01, "cooldown": 1, "min_lr": 5e-4},
  ]
  return lambda: source.choice(fixed)


def torch_reduce(values, mode, options, epsilon, rate, threshold_mode="rel"):
  weight = torch.nn.Parameter(torch.zeros(1))
  optimizer = torch.optim.SGD([weight], lr=rate)
  scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
    optimizer, mode=mode, factor=options["factor"], patience=options["patience"],
    threshold=options["threshold"], threshold_mode=threshold_mode, cooldown=options["cooldown"], min_lr=options["min_lr"],
    eps=epsilon)
  rows = []
  for value in values:
    scheduler.step(value)
    rate = optimizer.param_groups[0]["lr"]
    rows.append([rate, scheduler.best, scheduler.num_bad_epochs, scheduler.cooldown_counter])
  return rows


def keras_model(rate):
  model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
  model.compile(optimizer=keras.optimizers.Adam(rate), loss="mse")
  return model


def keras_reduce(values, mode, options, rate):
  callback = keras.callbacks.ReduceLROnPlateau(
    monitor="metric", mode=mode, factor=options["factor"], patience=options["patience"],
    min_delta=options["threshold"], cooldown=options["cooldown"], min_lr=options["min_lr"])
  model = keras_model(rate)
  callback.set_model(model)
  callback.on_train_begin()
  rows = []
  for epoch, value in enumerate(values):
    callback.on_epoch_end(epoch, {"metric": value})
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    # A 32-bit number, in as many digits as it has.
    rows.append(
      [float(f"{rate:.8g}"), callback.best, callback.wait, callback.cooldown_counter])
  return rows


def keras_stopping(values, mode, patience, min_delta, **more):
  callback = keras.callbacks.EarlyStopping(
    monitor="metric", mode=mode, patience=patience, min_delta=min_delta,
    restore_best_weights=True, **more)
  model = keras_model(0.001)
  callback.set_model(model)
  callback.on_train_begin()
  model.stop_training = False
  rows = []
  for epoch, value in enumerate(values):
    callback.on_epoch_end(epoch, {"metric": value})
    best = callback.best
    rows.append([
      best if best is not None else NAN, callback.best_epoch + 1 if best is not None else 0,
      callback.wait, int(model.stop_training)])
    if model.stop_training:
      break
  return rows


def torch_stopping(values, mode, patience, min_delta):
  sign = 1 if mode == "min" else -1
  best, best_epoch, wait = sign * INF, 0, 0
  rows = []
  for epoch, value in enumerate(values):
    stops = False
    if (value < best - min_delta) if mode == "min" else (value > best + min_delta):
      best, best_epoch, wait = value, epoch + 1, 0
    else:
      wait += 1
      stops = wait >= patience
    rows.append([best, best_epoch, wait, int(stops)])
    if stops:
      break
  return rows


def keras_saved(values, mode, threshold=None):
  model = keras_model(0.001)
  with tempfile.TemporaryDirectory() as directory:
    callback = keras.callbacks.ModelCheckpoint(
      directory + "/{epoch}.weights.h5", monitor="metric", mode=mode, save_best_only=True,
      save_weights_only=True, initial_value_threshold=threshold)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
      callback.on_epoch_end(epoch, {"metric": value})
    return sorted(int(path.name.split(".")[0]) for path in pathlib.Path(directory).iterdir())


def torch_saved(values, mode, threshold=None):
  best = INF if mode == "min" else -INF
  best = best if threshold is None else threshold
  saved = []
  for epoch, value in enumerate(values):
    if value < best if mode == "min" else value > best:
      best = value
      saved.append(epoch + 1)
  return saved


def terminated():
  """What Keras's other callbacks hear of a training that a TerminateOnNaN ends: the batches of each
  epoch, and its logs. The third batch of the second epoch has a loss that is no number."""
  heard = {"batches": [], "epochs": [], "logs": []}

  class Listener(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
      heard["batches"].append(batch + 1)

    def on_epoch_end(self, epoch, logs=None):
      heard["epochs"].append(epoch + 1)
      heard["logs"].append({key: float(value) for key, value in sorted(logs.items())})

  x = np.ones((12, 1), np.float32)
  y = np.ones((12, 1), np.float32)
  model = keras_model(0.0)

  class Spoiler(keras.callbacks.Callback):
    """Makes the weights none before the third batch of the second epoch."""
    epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
      self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
      if self.epoch == 1 and batch == 2:
        self.model.set_weights([np.full_like(w, np.nan) for w in self.model.get_weights()])

  model.fit(
    x, y, batch_size=2, epochs=4, validation_data=(x, y), verbose=0,
    callbacks=[Spoiler(), keras.callbacks.TerminateOnNaN(), Listener()])
  for logs in heard["logs"]:
    for key, value in logs.items():
      logs[key] = "nan" if math.isnan(value) else "finite"
  return heard


def plain(value):
  """JSON has no NaN and no infinities."""
  if isinstance(value, dict):
    return {key: plain(item) for key, item in value.items()}
  if isinstance(value, list):
    return [plain(item) for item in value]
  if isinstance(value, float) and not math.isfinite(value):
    return str(value)
  return value


def main():
  reduce, stopping, saved, patient, absolute = [], [], [], [], []
  from_threshold, negative_stopping, negative_reduce = [], [], []
  draw, later = random.Random(10), random.Random(11)
  choose = reduce_options()
  source = random.Random(9)
  for name, values in list(TRACES.items()) + list(random_traces()):
    for mode in ["min", "max"]:
      case = {"name": name, "mode": mode, "values": values}
      options = choose()
      epsilon = source.choice([0.0, 1e-8, 2e-5])
      rate = 1e-3
      reduce.append(case | options | {
        "epsilon": epsilon, "initial_rate": rate,
        "pytorch": torch_reduce(values, mode, options, epsilon, rate),
        "keras": keras_reduce(values, mode, options, rate)})
      patience, min_delta = source.choice([0, 1, 2, 5, 10]), source.choice([0.0, 1e-4, 0.05])
      stopping.append(case | {
        "patience": patience, "min_delta": min_delta,
        "pytorch": torch_stopping(values, mode, patience, min_delta),
        "keras": keras_stopping(values, mode, patience, min_delta)})
      more = {
        "baseline": draw.choice([None, 0.95, 0.5, 1.5]), "start_from_epoch": draw.choice([0, 1, 4])}
      patience = draw.choice([0, 1, 3])
      patient.append(case | more | {
        "patience": patience, "min_delta": min_delta, "pytorch": [],
        "keras": keras_stopping(values, mode, patience, min_delta, **more)})
      absolute.append(case | options | {
        "epsilon": 1e-8, "initial_rate": rate, "keras": [],
        "pytorch": torch_reduce(values, mode, options, 1e-8, rate, "abs")})
      saved.append(case | {
        "pytorch": torch_saved(values, mode), "keras": keras_saved(values, mode)})
      threshold = later.choice([0.95, 0.5, 0.7])
      from_threshold.append(case | {
        "initial_value_threshold": threshold, "pytorch": torch_saved(values, mode, threshold),
        "keras": keras_saved(values, mode, threshold)})
      min_delta, patience = later.choice([-1e-4, -0.05]), later.choice([1, 3])
      negative_stopping.append(case | {
        "patience": patience, "min_delta": min_delta, "pytorch": [],
        "keras": keras_stopping(values, mode, patience, min_delta)})
      options = choose() | {"threshold": later.choice([-1e-4, -0.05])}
      negative_reduce.append(case | options | {
        "epsilon": 0.0, "initial_rate": rate, "pytorch": [],
        "keras": keras_reduce(values, mode, options, rate)})
  golden = {
    "versions": {"keras": keras.__version__, "torch": torch.__version__},
    "reduce_on_plateau": reduce, "early_stopping": stopping, "model_checkpoint": saved,
    "early_stopping_baseline": patient, "reduce_on_plateau_absolute": absolute,
    "model_checkpoint_threshold": from_threshold, "early_stopping_negative": negative_stopping,
    "reduce_on_plateau_negative": negative_reduce, "terminate_on_nan": terminated(),
  }
  text = json.dumps(plain(golden)).replace('{"name"', '\n{"name"')
  pathlib.Path(__file__).with_name("callbacks.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
