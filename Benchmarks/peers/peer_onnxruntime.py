"""onnxruntime: float32, and int8 with a quantize and a dequantize node around every operator."""

from peer import BATCH, Peer, serve

import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader, QuantFormat, QuantType, quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process


class Calibration(CalibrationDataReader):
    def __init__(self, images):
        self.batches = iter([
            {"images": images[first:first + BATCH]} for first in range(0, len(images), BATCH)
        ])

    def get_next(self):
        return next(self.batches, None)


class ONNXRuntime(Peer):
    program = "onnxruntime"
    module = "onnxruntime"
    version = onnxruntime.__version__
    modes = {"infer": {"float32": "float32", "int8": "int8"}}

    def __init__(self, threads, directory):
        super().__init__(threads, directory)
        self.sessions = {}

    def session(self, mode):
        if mode not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            model = self.quantized() if mode == "int8" else self.onnx
            self.sessions[mode] = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        return self.sessions[mode]

    def quantized(self):
        """A scale per output channel for weights, one per tensor for images."""
        folded = str(self.directory / "onnxruntime-folded.onnx")
        output = str(self.directory / "onnxruntime-int8.onnx")
        # Symbolic shapes would need SymPy; the ordinary ones do.
        quant_pre_process(self.onnx, folded, skip_symbolic_shape=True)
        quantize_static(
            folded, output, Calibration(self.calibration), quant_format=QuantFormat.QDQ,
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )
        return output

    def predictor(self, mode, images):
        session = self.session(mode)
        return lambda: session.run(None, {"images": images})[0]


if __name__ == "__main__":
    serve(ONNXRuntime)
