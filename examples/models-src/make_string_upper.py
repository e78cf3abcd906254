"""examples/models/string-upper: text in, text out, one file without a version folder.

StringNormalizer (upper case). The locale is "C", so only ASCII letters change
and no locale needs to be installed.
"""
import os

import onnx
from onnx import TensorProto, helper

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "models", "string-upper", "model.onnx")


def main():
    graph = helper.make_graph(
        [helper.make_node("StringNormalizer", ["text"], ["upper"],
                          case_change_action="UPPER", is_case_sensitive=1, locale="C")],
        "string-upper",
        [helper.make_tensor_value_info("text", TensorProto.STRING, [1, "words"])],
        [helper.make_tensor_value_info("upper", TensorProto.STRING, [1, "words"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                              producer_name="throng-examples")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    onnx.save(model, OUT)


if __name__ == "__main__":
    main()
