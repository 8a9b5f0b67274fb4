#!/usr/bin/env python3
"""Writes the inputs that every fuzzer begins with: Corpus/TARGET/*.

Needs numpy and what `make build` builds. Pickles of other Pythons and NumPys are in
Tests/CifarDataTests/Golden, made by make_repickled_golden.py there.
"""

import json
import pathlib
import pickle
import random
import struct
import subprocess
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CIFAR = ROOT / "build/bin/cifar"


def put(target, name, data):
  folder = HERE / "Corpus" / target
  folder.mkdir(parents=True, exist_ok=True)
  (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def pickles():
  pixels = (np.arange(2 * 12) * 7 % 251).astype(np.uint8).reshape(2, 12)
  for protocol in (2, 3, 4, 5):
    texts = {"labels": [6, 9], "data": pixels, "filenames": ["a.png", "b.png"]}
    coded = {key.encode(): value for key, value in texts.items()}
    numbers = {"fine_labels": np.array([6, 9]), "coarse_labels": [np.int64(1), 2], "data": pixels}
    for name, first, value in (("text", 0, texts), ("bytes", 0, coded), ("numbers", 1, numbers)):
      put("pickle", f"{name}{protocol}", bytes([first]) + pickle.dumps(value, protocol))
  put("pickle", "repeats", b"\0\x80\2]q\0" + b"h\0a" * 20 + b".")
  put("pickle", "nested", b"\0\x80\2N" + b"\x85" * 40 + b".")


def records():
  image = bytes(range(256)) * 12
  put("records", "ten", b"\0\1" + b"\3" + image + b"\7" + image)
  put("records", "coarse", b"\1\0" + b"\3\5" + image)
  put("records", "fine", b"\2\0" + b"\3\5" + image)
  put("records", "short", b"\0\0" + b"\3" + image[:-1])
  put("records", "label", b"\0\0" + b"\12" + image)
  put("records", "gzip", b"\0\0\x1f\x8b\x08\0" + image[:50])
  put("records", "html", b"\0\0\n<!DOCTYPE html><html><title>404</title>")
  put("records", "lfs", b"\3\0version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
  pixels = np.frombuffer(image * 2, np.uint8).reshape(2, 3072)
  put("records", "python", b"\3\1" + pickle.dumps({"labels": [3, 7], "data": pixels}, 4))


def tensors(header, data=b""):
  text = header if isinstance(header, bytes) else json.dumps(header).encode()
  return struct.pack("<Q", len(text)) + text + data


def safetensors():
  one = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
  two = {"dtype": "F32", "shape": [0], "data_offsets": [16, 16]}
  put("safetensors", "plain", tensors({"a": one, "b": two, "__metadata__": {"k": "v"}}, b"\0" * 16))
  put("safetensors", "scalar", tensors(
    {"a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}, b"\0" * 4))
  put("safetensors", "half", tensors(
    {"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}, b"\0" * 2))
  put("safetensors", "deep", tensors(b"[" * 100))
  put("safetensors", "foreign", tensors({
    "net.conv_block1.0.bias": {"dtype": "BF16", "shape": [32], "data_offsets": [0, 64]},
    "net.fc.4.bias": {"dtype": "F64", "shape": [3], "data_offsets": [64, 88]},
    "net.x.num_batches_tracked": {"dtype": "I64", "shape": [], "data_offsets": [88, 96]},
  }, b"\0" * 96))
  put("safetensors", "huge", tensors(
    {"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 2**62]}}))


def checkpoints():
  layers = [
    {"type": "conv2d", "filters": 1}, {"type": "batch_norm"}, {"type": "relu"},
    {"type": "max_pool"}, {"type": "global_average_pool"}, {"type": "dense", "units": 10},
  ]
  with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "model.json"
    model.write_text(json.dumps(layers))
    for recipe in ("pytorch", "keras"):
      registry = f"{folder}/{recipe}.db"
      subprocess.run(
        [CIFAR, "train", "--data", "shapes", "--limit-train", "64", "--limit-test", "32",
         "--recipe", recipe, "--epochs", "1",
         "--model", model, "--registry", registry, "--name", "r", "--quiet"], check=True)
      file = f"{folder}/{recipe}.safetensors"
      subprocess.run(
        [CIFAR, "export", "r", "--format", "checkpoint", "--registry", registry, "-o", file], check=True)
      put("checkpoint", recipe, pathlib.Path(file).read_bytes())
      subprocess.run(
        [CIFAR, "export", file, "-o", f"{file}.weights"], check=True)
      put("safetensors", f"weights-{recipe}", pathlib.Path(f"{file}.weights").read_bytes())


def models():
  residual = {"type": "residual", "layers": [{"type": "conv2d", "filters": 8}],
              "shortcut": [{"type": "conv2d", "filters": 8, "kernel_size": 1}]}
  layers = [{"type": "conv2d", "filters": 8, "kernel_size": 5, "stride": 2, "padding": "valid"},
            {"type": "batch_norm", "momentum": 0.1, "epsilon": 1e-5, "unbiased": False},
            residual, {"type": "gelu"}, {"type": "avg_pool"}, {"type": "dropout", "rate": 0.5},
            {"type": "conv2d", "filters": 8, "kernel_size": 2, "bias": False,
             "initializer": "dirac"},
            {"type": "batch_norm", "scale": False}, {"type": "max_pool", "size": 3},
            {"type": "flatten"}, {"type": "scale", "factor": 0.1},
            {"type": "quantize", "scale": 0.01, "dtype": "int8"},
            {"type": "dense", "units": 10, "bias": False, "quantized": True}]
  put("model-json", "list", json.dumps(layers))
  put("model-json", "spec", json.dumps({"input": [3, 32, 32], "layers": layers}))
  put("model-json", "deep", "[" * 70)
  nested = residual
  for _ in range(12):
    nested = {"type": "residual", "layers": [nested]}
  put("model-json", "nested", json.dumps([nested]))
  put("model-json", "numbers", '[{"type":"dense","units":1e400},{"type":"conv2d","filters":-1}]')


def overrides():
  for name, value in {
    "short": {"learning_rate": 0.01, "optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "schedule": {"schedule": {"type": "cosine", "warmup": 2}, "epochs": 5, "batch_size": 8},
    "callbacks": {"early_stopping": {"patience": 3}, "reduce_lr_on_plateau": False},
    "augment": {"augment": [{"type": "cutout", "size": 8}, "horizontal_flip"], "seed": 2**64 - 1},
    "loss": {"label_smoothing": 0.1, "class_weight": [1, 2] * 5, "precision": "mixed_bfloat16", "clip_norm": 1},
    "model": {"model_spec": [{"type": "flatten"}, {"type": "dense", "units": 10}]},
    "preset": {"model": "tutorial-gap", "dialect": "keras"},
    "wrong": {"epochs": -1, "learning_rat": None, "callbacks": 3},
  }.items():
    for first in (0, 1):
      put("overrides", f"{name}{first}", bytes([first]) + json.dumps(value).encode())


def filters():
  texts = [
    "val_accuracy > 0.8 and recipe = keras and started > '2 days ago'",
    "(tag = baseline or name ~ wide) and not status in (failed, crashed)",
    "optimizer.learning_rate <= 1e-3 and duration > 2h and note is not null",
    "metrics.f1 >= 80% or seed != 3 || learning_rate <> inf && id = abcd", "name = 'it''s' and host !~ \"x\"",
    "started < 2026-11-23 and started > '2026-11-23 20:22' and epochs not in (1, 2)",
    "not not (((name = a)))",
  ]
  for index, text in enumerate(texts):
    put("filter", f"filter{index}", b"\0" + text.encode())
  for first, name in ((1, "sort"), (2, "field")):
    for index, text in enumerate(["val_loss", "optimizer.learning_rate", "metrics.f1", "status", "tag"]):
      put("filter", f"{name}{index}", bytes([first]) + text.encode())
  put("filter", "run", b"\3first")


def registries():
  generator = random.Random(1)
  for index in range(12):
    put("registry", f"edits{index}", generator.randbytes(6 * (1 + index % 4)))
    put("cells", f"cells{index}", generator.randbytes(4 * (1 + index % 6)) + b"running")


def texts():
  head = "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n"
  put("csv", "append", b"\1" + (head + "0,0.5,0.001,1.2,0.5,1.3\n").encode())
  put("csv", "resume", b"\5" + (head + "0,1,1,1,1,1\n1,1,1,1,1,1\n2,1,1").encode())
  put("csv", "quotes", 'a "b", c\0,\0\n\0'.encode())
  put("arguments", "train", "RUN\0--epochs\0" "3\0--lr=0.1\0--seed\0" "18446744073709551615\0--quiet")
  put("arguments", "ends", "--sort\0val_loss\0--\0--epochs\0-")
  put("arguments", "wrong", "--epoch=3\0--lr\0nan\0--quiet=1")


if __name__ == "__main__":
  for make in (pickles, records, safetensors, checkpoints, models, overrides, filters, registries,
               texts):
    make()
