"""examples/requests/*.json: one V2 infer body for every example model.

Needs numpy only. The image is drawn here (a red car on a road under an evening
sky, 32 x 32) and normalised as in PyTorch's CIFAR-10 tutorial: p / 127.5 - 1.
"""
import json
import os
import struct
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "requests")

# Size of the body in the published load test that this request stands for.
BODY_BYTES = 110979


def car(seed):
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[0:32, 0:32].astype(np.float64)
    img = np.zeros((32, 32, 3))
    img[...] = np.stack([70 + 3 * y, 85 + 2 * y, 131 + 2 * y], -1)            # sky
    img[18:] = np.stack([60 + y, 60 + y, 64 + y], -1)[18:]                     # road
    img[(y >= 28) & (y < 30) & (x % 10 < 6)] = (235, 230, 200)                 # lane marks
    red = (200, 30, 34)
    img[(y >= 16) & (y < 23) & (x >= 3) & (x < 29)] = red                      # body
    img[(y >= 10) & (y < 16) & (x >= 8 + (15 - y) / 2) & (x < 23 - (15 - y) / 3)] = red
    img[(y >= 11) & (y < 16) & (x >= 10) & (x < 15)] = (60, 80, 110)           # windows
    img[(y >= 11) & (y < 16) & (x >= 16) & (x < 21)] = (60, 80, 110)
    img[(y >= 17) & (y < 19) & (x >= 27) & (x < 29)] = (250, 240, 150)         # lamp
    for cx in (9, 23):                                                         # wheels
        r = (x - cx) ** 2 + (y - 23) ** 2
        img[r < 12] = (22, 22, 24)
        img[r < 3] = (150, 150, 155)
    img += rng.normal(0, 5, img.shape)
    return np.clip(np.rint(img), 0, 255).astype(np.uint8)


def normalise(img):
    t = img.astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    return ((t - np.float32(0.5)) / np.float32(0.5))[None]


def v2(*inputs):
    return {"inputs": [{"name": n, "shape": list(s), "datatype": d, "data": v}
                       for n, s, d, v in inputs]}


def image_body(img):
    x = normalise(img)
    return json.dumps(v2(("INPUT__0", x.shape, "FP32", x.tolist())), indent=2) + "\n"


def write(name, text):
    with open(os.path.join(OUT, name), "w") as f:
        f.write(text)


def write_png(path, img):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in img)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n"
                + chunk(b"IHDR", struct.pack(">IIBBBBB", img.shape[1], img.shape[0], 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main():
    os.makedirs(OUT, exist_ok=True)
    # Each seed draws other noise, so the numbers have other lengths: take the
    # first that gives a body of exactly BODY_BYTES.
    lengths = []
    for seed in range(1500):
        img = car(seed)
        text = image_body(img)
        lengths.append(len(text))
        if len(text) == BODY_BYTES:
            break
    else:
        raise SystemExit(f"lengths {min(lengths)}..{max(lengths)}")
    print("image noise seed", seed, "body", len(text), "bytes")
    write("cifar10.json", text)
    write_png(os.path.join(OUT, "cifar10.png"), img)
    compact = json.dumps(v2(("INPUT__0", (1, 3, 32, 32), "FP32",
                             [round(float(v), 6) for v in normalise(img).ravel()])),
                         separators=(",", ":"))
    write("cifar10-onnx.json", compact + "\n")

    write("simple-string.json", json.dumps(v2(
        ("INPUT0", (1, 16), "BYTES", [str(i) for i in range(16)]),
        ("INPUT1", (1, 16), "BYTES", ["1"] * 16)), indent=2) + "\n")
    write("half-plus-two.json", json.dumps(v2(
        ("x", (3, 1), "FP32", [1.0, 2.0, 5.0])), indent=2) + "\n")
    write("tiny-mlp.json", json.dumps(v2(
        ("x", (2, 16), "FP32", [round(float(v), 3) for v in
                                np.concatenate([np.linspace(-1, 1, 16), np.linspace(2, -2, 16)])])),
        indent=2) + "\n")
    write("string-upper.json", json.dumps(v2(
        ("text", (1, 4), "BYTES", ["hello", "throng", "", "Caf\u00e9 \u4e16\u754c"])),
        indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
