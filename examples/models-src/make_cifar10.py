"""examples/models/cifar10 (frozen) and tests/fixtures/cifar10-unfrozen."""
import os

import torch

import cifar10_net
import torch_archive

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.dirname(HERE)
ROOT = os.path.dirname(EXAMPLES)

CONFIG = """\
name: "%s"
platform: "pytorch_libtorch"
max_batch_size: 0
input [
  {
    name: "INPUT__0"
    data_type: TYPE_FP32
    dims: [ -1, 3, 32, 32 ]
  }
]
output [
  {
    name: "OUTPUT__0"
    data_type: TYPE_FP32
    dims: [ -1, 10 ]
  }
]
"""


def main():
    scripted = torch.jit.script(cifar10_net.build())
    frozen = torch.jit.freeze(scripted.eval())
    for name, module, folder in (
        ("cifar10", frozen, os.path.join(EXAMPLES, "models", "cifar10")),
        ("cifar10-unfrozen", scripted,
         os.path.join(ROOT, "tests", "fixtures", "cifar10-unfrozen")),
    ):
        torch_archive.save(module, os.path.join(folder, "1", "model.pt"))
        with open(os.path.join(folder, "config.pbtxt"), "w") as f:
            f.write(CONFIG % name)


if __name__ == "__main__":
    main()
