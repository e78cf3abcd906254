"""examples/models/simple-string: a frozen TensorFlow GraphDef on strings.

OUTPUT0 = INPUT0 + INPUT1 and OUTPUT1 = INPUT0 - INPUT1, as decimal strings.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "models", "simple-string")

CONFIG = """\
name: "simple-string"
platform: "tensorflow_graphdef"
max_batch_size: 8
input [
  {
    name: "INPUT0"
    data_type: TYPE_STRING
    dims: [ 16 ]
  },
  {
    name: "INPUT1"
    data_type: TYPE_STRING
    dims: [ 16 ]
  }
]
output [
  {
    name: "OUTPUT0"
    data_type: TYPE_STRING
    dims: [ 16 ]
  },
  {
    name: "OUTPUT1"
    data_type: TYPE_STRING
    dims: [ 16 ]
  }
]
"""


def main():
    raw = tf.raw_ops
    with tf.Graph().as_default() as graph:
        in0 = tf.compat.v1.placeholder(tf.string, [None, 16], "INPUT0")
        in1 = tf.compat.v1.placeholder(tf.string, [None, 16], "INPUT1")
        n0 = raw.StringToNumber(string_tensor=in0, out_type=tf.int32, name="TO_INT0")
        n1 = raw.StringToNumber(string_tensor=in1, out_type=tf.int32, name="TO_INT1")
        add = raw.Add(x=n0, y=n1, name="ADD")
        sub = raw.Sub(x=n0, y=n1, name="SUB")
        raw.Identity(input=raw.AsString(input=add, name="TO_STR0"), name="OUTPUT0")
        raw.Identity(input=raw.AsString(input=sub, name="TO_STR1"), name="OUTPUT1")
        data = graph.as_graph_def().SerializeToString(deterministic=True)
    os.makedirs(os.path.join(OUT, "1"), exist_ok=True)
    with open(os.path.join(OUT, "1", "model.graphdef"), "wb") as f:
        f.write(data)
    with open(os.path.join(OUT, "config.pbtxt"), "w") as f:
        f.write(CONFIG)


if __name__ == "__main__":
    main()
