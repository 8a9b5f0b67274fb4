"""Times onnxruntime for run.py, by the protocol of cifar-bench: a measurement a line.

    infer BATCH REPEATS
"""

import io
import json
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from peer_torch import median, tutorial


def session(threads):
    """The tutorial's network, exported from PyTorch with the softmax behind it."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(tutorial(), torch.nn.Softmax(1)).eval()
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs one more package and writes the same graph.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model, torch.zeros(1, 3, 32, 32), file, input_names=["images"],
            dynamic_axes={"images": {0: "batch"}}, dynamo=False,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        file.getvalue(), options, providers=["CPUExecutionProvider"]
    )


def main():
    model = session(int(sys.argv[1]))
    for line in sys.stdin:
        _, batch, repeats = line.split()
        images = (np.random.default_rng(0).random((int(batch), 3, 32, 32)) * 4 - 2).astype("f4")
        print(
            json.dumps(median(int(repeats), lambda: model.run(None, {"images": images}))),
            flush=True,
        )


if __name__ == "__main__":
    main()
