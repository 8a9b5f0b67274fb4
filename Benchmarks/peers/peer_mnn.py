"""MNN, in float32: on x86 its lower precisions give the same numbers."""

from peer import Peer, serve

import _tools
import MNN
import MNN.nn
import numpy as np


class Mnn(Peer):
    program = "MNN"
    module = "MNN"
    version = MNN.version()
    modes = {"infer": {"float32": "float32"}}

    def __init__(self, threads, directory):
        super().__init__(threads, directory)
        self.model = None

    def predictor(self, mode, images):
        if self.model is None:
            self.model = self.load()
        model = self.model
        # MNN packs a new input itself; where the numbers come from does not matter to it.
        value = MNN.expr.const(
            np.ascontiguousarray(images), list(images.shape), MNN.expr.NCHW, MNN.expr.float
        )

        def body():
            return np.array(model.forward([value])[0].read(), copy=True)

        return body

    def load(self):
        file = str(self.directory / "model.mnn")
        # The command `mnnconvert` and the module behind it install a client for remote logging, and
        # use it; this is the function that they call.
        _tools.mnnconvert([
            "mnnconvert", "-f", "ONNX", "--modelFile", self.onnx, "--MNNModel", file,
            "--bizCode", "MNN",
        ])
        manager = MNN.nn.create_runtime_manager(({
            "backend": "CPU", "precision": "high", "numThread": self.threads,
        },))
        return MNN.nn.load_module_from_file(
            file, ["images"], ["probabilities"], runtime_manager=manager, shape_mutable=True
        )


if __name__ == "__main__":
    serve(Mnn)
