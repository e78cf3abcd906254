"""examples/models/cifar10-onnx: the network and weights of cifar10 as ONNX.

Written with onnx.helper (opset 17, IR version 8), weights inside the file.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import cifar10_net

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "models", "cifar10-onnx", "1", "model.onnx")


def main():
    weights = {k: v.detach().numpy() for k, v in cifar10_net.build().state_dict().items()}
    nodes = [
        helper.make_node("Conv", ["INPUT__0", "conv1.weight", "conv1.bias"], ["c1"], kernel_shape=[5, 5]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", "conv2.weight", "conv2.bias"], ["c2"], kernel_shape=[5, 5]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("MaxPool", ["r2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p2"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "fc1.weight", "fc1.bias"], ["g1"], transB=1),
        helper.make_node("Relu", ["g1"], ["r3"]),
        helper.make_node("Gemm", ["r3", "fc2.weight", "fc2.bias"], ["g2"], transB=1),
        helper.make_node("Relu", ["g2"], ["r4"]),
        helper.make_node("Gemm", ["r4", "fc3.weight", "fc3.bias"], ["OUTPUT__0"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "cifar10",
        [helper.make_tensor_value_info("INPUT__0", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("OUTPUT__0", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                              producer_name="throng-examples")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    onnx.save(model, OUT)


if __name__ == "__main__":
    main()
