"""OpenVINO: float32, bfloat16, and int8 quantised by NNCF."""

from peer import Peer, serve

import logging

import nncf
import openvino

HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class OpenVINO(Peer):
    program = "OpenVINO"
    module = "openvino"
    version = openvino.__version__.split("-")[0] + f" with NNCF {nncf.__version__}"
    modes = {"infer": {mode: mode for mode in HINTS}}

    def __init__(self, threads, directory):
        super().__init__(threads, directory)
        nncf.set_log_level(logging.ERROR)
        self.core = openvino.Core()
        self.models = {}
        self.requests = {}

    def predictor(self, mode, images):
        key = (mode, len(images))
        if key not in self.requests:
            # A fixed shape: it is how OpenVINO is fastest.
            model = self.model(mode)
            model.reshape([len(images), 3, 32, 32])
            compiled = self.core.compile_model(model, "CPU", {
                "INFERENCE_PRECISION_HINT": HINTS[mode], "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": self.threads,
            })
            self.requests[key] = compiled.create_infer_request()
        request = self.requests[key]
        return lambda: request.infer({0: images}, share_inputs=True)[0]

    def model(self, mode):
        if mode not in self.models:
            model = self.core.read_model(self.onnx)
            if mode == "int8":
                images = [image[None] for image in self.calibration]
                model = nncf.quantize(
                    model, nncf.Dataset(images), subset_size=len(images)
                )
            self.models[mode] = model
        return self.models[mode]


if __name__ == "__main__":
    serve(OpenVINO)
