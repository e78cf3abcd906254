"""Which files the checks look at: those that git tracks or would track."""

import os
import subprocess

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CPP_FOLDERS = ("src/", "runners/", "apps/", "tests/", "fuzz/", "benchmarks/")


def git(*arguments):
    """Lines of git's output; none when git fails (an export without .git)."""
    command = ["git", "-c", "core.quotePath=off", *arguments]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return result.stdout.splitlines() if result.returncode == 0 else []


def all_files():
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    if not names:
        for folder, folders, files in os.walk(REPOSITORY):
            folders[:] = [f for f in folders if f != ".git" and not f.startswith("build")]
            names += [os.path.relpath(os.path.join(folder, file), REPOSITORY) for file in files]
    return sorted({name for name in names if os.path.isfile(os.path.join(REPOSITORY, name))})


def is_cpp(name):
    return name.startswith(CPP_FOLDERS) and name.endswith((".cc", ".h"))


def cpp_files():
    return [name for name in all_files() if is_cpp(name)]
