#!/usr/bin/env python3
"""Writes optimizers.json: what the optimizers of PyTorch and Keras make of given gradients, and
losses.json: what their cross-entropies make of given logits.

The network is one dense layer, weight (2, 3) and bias (2). Needs torch and keras on TensorFlow.
"""

import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import torch

HERE = pathlib.Path(__file__)
STEPS = 12
RATES = [0.1] * 4 + [0.05] * 4 + [0.2] * 4
CASES = [
  {"type": "sgd"},
  {"type": "sgd", "momentum": 0.9},
  {"type": "sgd", "momentum": 0.9, "nesterov": True},
  {"type": "sgd", "weight_decay": 0.05},
  {"type": "sgd", "momentum": 0.8, "nesterov": True, "weight_decay": 0.05, "clip_norm": 0.5},
  {"type": "adam"},
  {"type": "adam", "weight_decay": 0.05},
  {"type": "adam", "clip_norm": 0.25},
  {"type": "adamw", "weight_decay": 0.05},
  {"type": "adamw", "weight_decay": 0.01, "clip_norm": 100.0},
  {"type": "sgd", "clipnorm": 0.8},
  {"type": "sgd", "momentum": 0.9, "weight_decay": 0.05, "clipnorm": 2.0},
  {"type": "adam", "clipnorm": 0.25},
  {"type": "sgd", "clipvalue": 0.5},
  {"type": "sgd", "momentum": 0.9, "weight_decay": 0.05, "clipvalue": 0.1},
  {"type": "adamw", "weight_decay": 0.01, "clipvalue": 0.3},
]


def numbers(seed, *shape):
  return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def with_torch(case, weights, gradients):
  tensors = [torch.nn.Parameter(torch.tensor(w)) for w in weights]
  decay = {"weight_decay": case["weight_decay"]} if "weight_decay" in case else {}
  if case["type"] == "sgd":
    optimizer = torch.optim.SGD(
      tensors, lr=1, momentum=case.get("momentum", 0), nesterov=case.get("nesterov", False),
      **decay)
  elif case["type"] == "adam":
    optimizer = torch.optim.Adam(tensors, lr=1, eps=1e-8, **decay)
  else:
    optimizer = torch.optim.AdamW(tensors, lr=1, eps=1e-8, **decay)
  for step in range(STEPS):
    for tensor, gradient in zip(tensors, gradients[step]):
      tensor.grad = torch.tensor(gradient)
    if "clip_norm" in case:
      torch.nn.utils.clip_grad_norm_(tensors, case["clip_norm"])
    if "clipnorm" in case:
      for tensor in tensors:
        torch.nn.utils.clip_grad_norm_([tensor], case["clipnorm"])
    if "clipvalue" in case:
      torch.nn.utils.clip_grad_value_(tensors, case["clipvalue"])
    optimizer.param_groups[0]["lr"] = RATES[step]
    optimizer.step()
  return [tensor.detach().numpy() for tensor in tensors]


def with_keras(case, weights, gradients):
  variables = [keras.Variable(w) for w in weights]
  options = {"learning_rate": 1.0}
  if "weight_decay" in case:
    options["weight_decay"] = case["weight_decay"]
  if "clip_norm" in case:
    options["global_clipnorm"] = case["clip_norm"]
  for key in ["clipnorm", "clipvalue"]:
    if key in case:
      options[key] = case[key]
  if case["type"] == "sgd":
    optimizer = keras.optimizers.SGD(
      momentum=case.get("momentum", 0.0), nesterov=case.get("nesterov", False), **options)
  elif case["type"] == "adam":
    optimizer = keras.optimizers.Adam(epsilon=1e-7, **options)
  else:
    optimizer = keras.optimizers.AdamW(epsilon=1e-7, **options)
  optimizer.build(variables)
  for step in range(STEPS):
    optimizer.learning_rate = RATES[step]
    optimizer.apply([tf.constant(g) for g in gradients[step]], variables)
  return [keras.ops.convert_to_numpy(v) for v in variables]


def flat(arrays):
  return [float(x) for array in arrays for x in np.asarray(array).reshape(-1)]


def optimizers():
  weights = [numbers(1, 2, 3), numbers(2, 2)]
  gradients = [[numbers(10 + s, 2, 3), numbers(50 + s, 2)] for s in range(STEPS)]
  return {
    "rates": RATES, "weights": flat(weights), "gradients": [flat(g) for g in gradients],
    "cases": [
      case | {
        "pytorch": flat(with_torch(case, weights, gradients)),
        "keras": flat(with_keras(case, weights, gradients))}
      for case in CASES],
  }


def losses():
  logits = numbers(3, 6, 4) * 3
  # So sure that a clipped probability would show: once right, once wrong; one that is sure of two.
  logits[1] = [40, 0, -3, 1]
  logits[2] = [-2, 30, 5, 0]
  logits[3] = [20, -20, 20, 0]
  labels = np.array([0, 0, 2, 1, 3, 2])
  cases = []
  for smoothing in [0.0, 0.1, 0.4]:
    z = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
      z, torch.tensor(labels), label_smoothing=smoothing)
    loss.backward()
    cases.append({
      "smoothing": smoothing, "loss": loss.item(), "gradient": flat([z.grad])})
    z = tf.Variable(logits)
    with tf.GradientTape() as tape:
      value = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(
        tf.one_hot(labels, 4), keras.activations.softmax(z))
    cases.append({
      "smoothing": smoothing, "loss": float(value),
      "gradient": flat([tape.gradient(value, z).numpy()])})
  return {
    "logits": flat([logits]), "labels": labels.tolist(), "cases": cases, "model": of_a_model()}


def of_a_model():
  """The losses of a compiled model whose softmax layer has logits that are 50 apart."""
  model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
  model.layers[0].set_weights([np.array([[50.0, 0.0]]), np.zeros(2)])
  model.compile("sgd", "categorical_crossentropy")
  x, y = np.ones((1, 1), np.float32), np.array([[0.0, 1.0]], np.float32)
  return {"evaluate": float(model.test_on_batch(x, y)), "train": float(model.train_on_batch(x, y))}


def write(name, golden):
  golden = {"versions": {"keras": keras.__version__, "torch": torch.__version__}} | golden
  text = json.dumps(golden).replace('{"type"', '\n{"type"').replace('{"smoothing"', '\n{"smoothing"')
  text = text.replace('"model":', '\n"model":')
  HERE.with_name(name).write_text(text + "\n")


if __name__ == "__main__":
  write("optimizers.json", optimizers())
  write("losses.json", losses())
