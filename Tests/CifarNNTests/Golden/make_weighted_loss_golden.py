"""weighted_losses.json: what the frameworks' cross-entropies make of logits and class weights.

Needs torch and keras; Keras works on torch here, its losses take the logits themselves.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

HERE = Path(__file__)
WEIGHTS = [0.5, 2.0, 1.0, 0.0]


def case(dialect, smoothing, loss, z):
  loss.backward()
  return {
    "dialect": dialect, "smoothing": smoothing, "loss": loss.item(),
    "gradient": z.grad.flatten().tolist()}


def cases(logits, labels):
  weights = torch.tensor(WEIGHTS)
  z = torch.tensor(logits, requires_grad=True)
  yield case(
    "pytorch", 0.0, torch.nn.functional.cross_entropy(z, torch.tensor(labels), weight=weights), z)
  for smoothing in [0.0, 0.1]:
    z = torch.tensor(logits, requires_grad=True)
    # What `fit(class_weight=…)` makes of them.
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)(
      torch.nn.functional.one_hot(torch.tensor(labels), 4).float(), z,
      sample_weight=weights[labels])
    yield case("keras", smoothing, loss, z)


def main():
  logits = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32) * 3
  labels = [0, 0, 2, 1, 3, 2]
  golden = {
    "versions": {"keras": keras.__version__, "torch": torch.__version__},
    "weights": WEIGHTS, "logits": logits.flatten().tolist(), "labels": labels,
    "cases": list(cases(logits, labels))}
  text = json.dumps(golden).replace('{"dialect"', '\n{"dialect"')
  HERE.with_name("weighted_losses.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
