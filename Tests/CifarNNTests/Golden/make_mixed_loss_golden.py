"""mixed_losses.json: PyTorch's cross_entropy of logits with probabilities as targets, which are mixed
of two labels, and with class weights the mix of two losses of mixup's authors
(github.com/facebookresearch/mixup-cifar10, mixup_criterion). In double; needs torch and numpy.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy, one_hot

HERE = Path(__file__)
CLASSES = 10
WEIGHTS = [0.5, 2.0, 1.0, 0.0, 1.0, 3.0, 0.25, 1.0, 1.0, 1.5]


def case(logits, labels, others, share, smoothing, weights):
  z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
  first, second = torch.tensor(labels), torch.tensor(others)
  if weights is None:
    targets = share * one_hot(first, CLASSES).double() + (1 - share) * one_hot(second, CLASSES)
    loss = cross_entropy(z, targets, label_smoothing=smoothing)
  else:
    weight = torch.tensor(weights, dtype=torch.float64)
    loss = share * cross_entropy(z, first, weight=weight)
    loss = loss + (1 - share) * cross_entropy(z, second, weight=weight)
  loss.backward()
  return {
    "share": share, "smoothing": smoothing, "is_weighted": weights is not None,
    "loss": loss.item(), "gradient": [round(x, 10) for x in z.grad.flatten().tolist()]}


def main():
  logits = (np.random.default_rng(5).standard_normal((6, CLASSES)) * 3).astype(np.float32)
  labels = [0, 7, 2, 1, 9, 2]
  # Those of the image before; two neighbours have the same.
  others = [labels[-1], *labels[:-1]]
  cases = [
    case(logits, labels, others, share, smoothing, weights)
    for share in [0.0, 0.125, 0.5, 0.75, 1.0]
    for smoothing, weights in [(0.0, None), (0.1, None), (0.0, WEIGHTS)]]
  golden = {
    "versions": {"torch": torch.__version__}, "weights": WEIGHTS,
    "logits": logits.flatten().tolist(), "labels": labels, "others": others, "cases": cases}
  HERE.with_name("mixed_losses.json").write_text(
    json.dumps(golden).replace('{"share"', '\n{"share"') + "\n")


if __name__ == "__main__":
  main()
