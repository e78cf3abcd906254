"""examples/requests/expected.json: what each framework answers in Python.

Runs every request through its own framework, one process per framework.
"""
import json
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.dirname(HERE)
MODELS = os.path.join(EXAMPLES, "models")
REQUESTS = os.path.join(EXAMPLES, "requests")

CASES = [
    ("cifar10", "torch"),
    ("simple-string", "tensorflow"),
    ("half-plus-two", "tensorflow"),
    ("tiny-mlp", "onnxruntime"),
    ("cifar10-onnx", "onnxruntime"),
    ("string-upper", "onnxruntime"),
]
ONNX = {
    "tiny-mlp": "tiny-mlp.onnx",
    "cifar10-onnx": "cifar10-onnx/1/model.onnx",
    "string-upper": "string-upper/model.onnx",
}


def flat(v):
    return [x for i in v for x in flat(i)] if isinstance(v, list) else [v]


def inputs(model):
    import numpy as np
    with open(os.path.join(REQUESTS, model + ".json"), encoding="utf-8") as f:
        body = json.load(f)
    types = {"FP32": np.float32, "BYTES": object}
    return {i["name"]: np.array(flat(i["data"]), types[i["datatype"]]).reshape(i["shape"])
            for i in body["inputs"]}


def outputs(named):
    result = []
    for name, a in named:
        strings = a.dtype.kind in "OSU"
        data = [x.decode() if isinstance(x, bytes) else x for x in a.ravel().tolist()]
        result.append({"name": name, "datatype": "BYTES" if strings else "FP32",
                       "shape": list(a.shape), "data": data})
    return result


def run_torch(model):
    import torch
    m = torch.jit.load(os.path.join(MODELS, model, "1", "model.pt"))
    with torch.no_grad():
        out = m(*[torch.from_numpy(v) for v in inputs(model).values()])
    return "torch " + torch.__version__, [("OUTPUT__0", out.numpy())]


def run_tensorflow(model):
    import tensorflow as tf
    version = "tensorflow " + tf.__version__
    x = inputs(model)
    if model == "half-plus-two":
        m = tf.saved_model.load(os.path.join(MODELS, model, "1", "model.savedmodel"))
        out = m.signatures["serving_default"](**{k: tf.constant(v) for k, v in x.items()})
        return version, [(k, v.numpy()) for k, v in out.items()]
    graph_def = tf.compat.v1.GraphDef()
    with open(os.path.join(MODELS, model, "1", "model.graphdef"), "rb") as f:
        graph_def.ParseFromString(f.read())
    names = ["OUTPUT0", "OUTPUT1"]
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            out = session.run([n + ":0" for n in names], {k + ":0": v for k, v in x.items()})
    return version, list(zip(names, out))


def run_onnxruntime(model):
    import onnxruntime as ort
    s = ort.InferenceSession(os.path.join(MODELS, ONNX[model]), providers=["CPUExecutionProvider"])
    names = [o.name for o in s.get_outputs()]
    return "onnxruntime " + ort.__version__, list(zip(names, s.run(names, inputs(model))))


def one_framework(framework):
    import numpy as np
    answer = {}
    for model, fw in CASES:
        if fw != framework:
            continue
        version, named = globals()["run_" + fw](model)
        entry = {"request": model + ".json", "framework": version, "outputs": outputs(named)}
        if model.startswith("cifar10") or model == "tiny-mlp":
            entry["argmax"] = np.argmax(named[0][1], axis=1).tolist()
        answer[model] = entry
    return answer


def main():
    if len(sys.argv) == 2:
        json.dump(one_framework(sys.argv[1]), sys.stdout)
        return
    merged = {}
    for framework in sorted({fw for _, fw in CASES}):
        out = subprocess.run([sys.executable, __file__, framework], check=True, stdout=subprocess.PIPE)
        merged.update(json.loads(out.stdout.decode().strip().splitlines()[-1]))
    result = {"tolerance": 1e-4, "models": {m: merged[m] for m, _ in CASES}}
    with open(os.path.join(REQUESTS, "expected.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()
