"""examples/models/tiny-mlp.onnx: a bare file, 16-32-4, weights from a fixed seed."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "models", "tiny-mlp.onnx")


def main():
    rng = np.random.RandomState(16324)
    init = {
        "w1": rng.uniform(-0.25, 0.25, (16, 32)),
        "b1": rng.uniform(-0.25, 0.25, (32,)),
        "w2": rng.uniform(-0.4, 0.4, (32, 4)),
        "b2": rng.uniform(-0.4, 0.4, (4,)),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Relu", ["h"], ["a"]),
            helper.make_node("Gemm", ["a", "w2", "b2"], ["scores"]),
        ],
        "tiny-mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 16])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in init.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                              producer_name="throng-examples")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    onnx.save(model, OUT)


if __name__ == "__main__":
    main()
