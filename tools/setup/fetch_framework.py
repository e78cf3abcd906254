#!/usr/bin/env python3
"""Fetches frameworks' official wheels and unpacks what Throng needs of them.

Usage: fetch_framework.py CACHE_DIR NAME...        (NAME: onnxruntime, tensorflow or torch)

Leaves CACHE_DIR/NAME-VERSION/{lib,include}; the versions and hashes are those of requirements/NAME.txt.
A copy of that file, CACHE_DIR/NAME-VERSION/.complete, is the sign that everything is there. The folder
appears in one rename, so it is complete or absent. Wheels are for one Python tag and platform, whatever
Python runs this; only their C and C++ parts are used. Safe to interrupt (the next run goes on where this
one stopped) and to run twice at a time.
"""

import fcntl
import fnmatch
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

PLATFORM_OPTIONS = ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", "3.11"]
PLATFORM_OPTIONS += [word for abi in ("cp311", "none") for word in ("--abi", abi)]
PLATFORM_OPTIONS += [
    word
    for glibc in ("2_28", "2_27", "2_25", "2_17")
    for word in ("--platform", f"manylinux_{glibc}_x86_64")
]

# Per framework: (pattern in a wheel, prefix to remove, folder to put the rest in).
TENSORFLOW_HEADERS = [
    "tensorflow/c/c_api.h",
    "tensorflow/c/c_api_macros.h",
    "tensorflow/c/env.h",
    "tensorflow/c/tf_attrtype.h",
    "tensorflow/c/tf_buffer.h",
    "tensorflow/c/tf_datatype.h",
    "tensorflow/c/tf_file_statistics.h",
    "tensorflow/c/tf_status.h",
    "tensorflow/c/tf_tensor.h",
    "tensorflow/c/tf_tstring.h",
    "tensorflow/core/platform/ctstring.h",
    "tsl/platform/ctstring.h",
    "tsl/platform/ctstring_internal.h",
    "xla/tsl/c/tsl_status.h",
]
LAYOUTS = {
    "onnxruntime": [
        ("onnxruntime/capi/libonnxruntime.so.*", "onnxruntime/capi/", "lib/"),
        ("onnxruntime/LICENSE", "onnxruntime/", "licenses/onnxruntime/"),
        ("onnxruntime/ThirdPartyNotices.txt", "onnxruntime/", "licenses/onnxruntime/"),
    ],
    "tensorflow": [
        ("tensorflow/libtensorflow_cc.so.2", "tensorflow/", "lib/"),
        ("tensorflow/libtensorflow_framework.so.2", "tensorflow/", "lib/"),
        ("tensorflow/THIRD_PARTY_NOTICES.txt", "", "licenses/"),
        ("tensorflow/include/LICENSE", "tensorflow/include/", "licenses/tensorflow/"),
    ]
    + [("tensorflow/include/" + header, "tensorflow/include/", "include/") for header in TENSORFLOW_HEADERS],
    # libtorch_cpu.so looks for the CUDA libraries beside itself too ($ORIGIN ends its run path).
    "torch": [
        ("torch/include/*", "torch/include/", "include/"),
        ("torch/lib/libtorch_cpu.so", "torch/lib/", "lib/"),
        ("torch/lib/libc10.so", "torch/lib/", "lib/"),
        ("torch/lib/libgomp*", "torch/lib/", "lib/"),
        ("nvidia/*/lib/libcudart.so.13", None, "lib/"),
        ("nvidia/*/lib/libcupti.so.13", None, "lib/"),
        ("torch-*.dist-info/*LICENSE*", "", "licenses/"),
        ("torch-*.dist-info/*NOTICE*", "", "licenses/"),
        ("nvidia_*.dist-info/*License*", "", "licenses/"),
    ],
}
LINKS = {"onnxruntime": [("lib/libonnxruntime.so.1", "libonnxruntime.so.{version}")]}


def requirements_path(name):
    return os.path.join(REPOSITORY, "requirements", name + ".txt")


def first_version(path):
    with open(path, encoding="utf-8") as file:
        return re.search(r"^[a-z-]+==([0-9.]+)", file.read(), re.MULTILINE).group(1)


def run_pip(command, cache, arguments):
    temporary = os.path.join(cache, "downloads", "tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    environment = dict(os.environ, TMPDIR=temporary, PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1")
    environment.pop("PIP_REQUIRE_VIRTUALENV", None)
    progress = [] if sys.stdout.isatty() or "--progress-bar" in arguments else ["--progress-bar", "raw"]
    command = command + ["download"] + arguments + progress
    return subprocess.run(command, env=environment, check=False).returncode


def pinned_pip(cache):
    """The command that runs the pinned pip; fetched by the system's pip the first time."""
    folder = os.path.join(cache, "pip")
    path = requirements_path("pip")
    wheel = os.path.join(folder, f"pip-{first_version(path)}-py3-none-any.whl")
    if not os.path.exists(wheel):
        arguments = ["--quiet", "--no-deps", "--no-cache-dir", "--progress-bar", "off"]
        arguments += ["--only-binary=:all:", "--require-hashes", "-r", path, "-d", folder]
        if run_pip([sys.executable, "-m", "pip"], cache, arguments) != 0:
            sys.exit(f"error: could not fetch pip; by hand: python3 -m pip download {' '.join(arguments)}")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resuming_pip.py")
    return [sys.executable, script, wheel, os.path.join(cache, "downloads", "partial")]


def download_wheels(name, cache):
    """Downloads the pinned wheels into a folder of their own, and returns their paths."""
    folder = os.path.join(cache, "downloads", name)
    os.makedirs(folder, exist_ok=True)
    arguments = ["--require-hashes", "-r", requirements_path(name), "-d", folder, "--no-cache-dir"]
    arguments += PLATFORM_OPTIONS + ["--resume-retries", "20"]
    pip = pinned_pip(cache)
    if run_pip(pip, cache, arguments) != 0:
        sys.exit(f"error: could not download {name}; by hand: {' '.join(pip + ['download'] + arguments)}")
    return folder, [os.path.join(folder, wheel) for wheel in sorted(os.listdir(folder)) if wheel.endswith(".whl")]


def destination_of(member, layout):
    for pattern, prefix, folder in layout:
        if fnmatch.fnmatchcase(member, pattern) and not member.endswith("/"):
            return folder + (os.path.basename(member) if prefix is None else member[len(prefix) :])
    return None


def unpack(wheels, layout, root):
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                relative = destination_of(member.filename, layout)
                if relative is None:
                    continue
                path = os.path.normpath(os.path.join(root, relative))
                if not path.startswith(root + os.sep):
                    sys.exit(f"error: {wheel} holds a path that leaves its folder: {member.filename}")
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)


def install(name, cache):
    version = first_version(requirements_path(name))
    final = os.path.join(cache, f"{name}-{version}")
    stamp = os.path.join(final, ".complete")
    with open(requirements_path(name), encoding="utf-8") as file:
        pins = file.read()
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == pins:
                print(f"{name} {version}: already in {final}")
                return
    folder, wheels = download_wheels(name, cache)
    print(f"unpacking {name} {version} ...", flush=True)
    for stale in glob.glob(os.path.join(cache, f".{name}-*")):  # ours: the lock is held
        shutil.rmtree(stale, ignore_errors=True)
    temporary = tempfile.mkdtemp(prefix=f".{name}-", dir=cache)
    try:
        unpack(wheels, LAYOUTS[name], temporary)
        for link, target in LINKS.get(name, []):
            os.symlink(target.format(version=version), os.path.join(temporary, link))
        with open(os.path.join(temporary, ".complete"), "w", encoding="utf-8") as file:
            file.write(pins)
        os.chmod(temporary, 0o755)
        shutil.rmtree(final, ignore_errors=True)
        os.rename(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{name} {version}: ready in {final}", flush=True)


def stop(signal_number, _frame):
    sys.exit(128 + signal_number)  # unwinds: the child is ended and the temporary folder removed


def main():
    if len(sys.argv) < 3 or not set(sys.argv[2:]) <= set(LAYOUTS):
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    cache = os.path.abspath(sys.argv[1])
    os.makedirs(os.path.join(cache, "downloads"), exist_ok=True)
    for name in sys.argv[2:]:
        with open(os.path.join(cache, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                install(name, cache)
            except OSError as error:
                sys.exit(f"error: {name}: {error}; by hand: {' '.join(map(shlex.quote, sys.argv))}")


if __name__ == "__main__":
    main()
