"""Save TorchScript so that the file is the same wherever it was made.

torch.jit.save records where every line of model code came from, with the
absolute path of the Python installation. The paths are replaced here by
stand-ins of the same length; all records stay, the debug records too.
"""
import io
import os
import site
import sys

import torch


def _stand_in(prefix, head):
    fill = len(prefix) - len(head)
    assert fill >= 0, prefix
    return (head + "/." * (fill // 2) + "/" * (fill % 2)).encode()


def _replacements():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    pairs = [(root, "/src"), (sys.prefix, "/py")]
    for p in set(site.getsitepackages()):
        pairs.append((p, "/python"))
    pairs.sort(key=lambda p: -len(p[0]))
    return [(a.encode(), _stand_in(a, b)) for a, b in pairs]


def neutral(data):
    for a, b in _replacements():
        data = data.replace(a, b)
    return data


def save(module, path):
    buf = io.BytesIO()
    torch.jit.save(module, buf)
    buf.seek(0)
    reader = torch._C.PyTorchFileReader(buf)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # The archive name inside the zip is always "model"; the writer adds the
    # version, byteorder and serialization_id records by itself.
    out = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(_Named(out))
    own = {"version", "byteorder"}
    for name in reader.get_all_records():
        if name in own or name.startswith(".data/"):
            continue
        data = reader.get_record(name)
        if name.endswith((".debug_pkl", ".py")):
            data = neutral(data)
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    with open(path, "wb") as f:
        f.write(out.getvalue())


class _Named:
    def __init__(self, f):
        self._f = f
        self.name = "model"

    def write(self, b):
        if isinstance(b, int):  # null padding
            return self._f.write(bytes(b))
        return self._f.write(b)
