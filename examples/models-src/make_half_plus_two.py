"""examples/models/half-plus-two: a SavedModel with two variables, y = a * x + b."""
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "models", "half-plus-two", "1", "model.savedmodel")


class HalfPlusTwo(tf.Module):
    def __init__(self):
        super().__init__()
        self.a = tf.Variable(0.5, name="a")
        self.b = tf.Variable(2.0, name="b")

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def predict(self, x):
        return {"y": self.a * x + self.b}


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    module = HalfPlusTwo()
    tf.saved_model.save(module, OUT, signatures={"serving_default": module.predict})
    for left in ("assets",):  # an empty folder; git would not keep it
        path = os.path.join(OUT, left)
        if os.path.isdir(path) and not os.listdir(path):
            os.rmdir(path)


if __name__ == "__main__":
    main()
