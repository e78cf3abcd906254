#!/usr/bin/env python3
"""Runs the pinned pip with one change: a download that was cut off goes on where it stopped, in the next run too.

Usage: resuming_pip.py PIP_WHEEL PARTIAL_DIR ARGUMENTS-OF-PIP...

pip 25.3 resumes a dropped connection within one run, but throws the bytes away when it ends. Here each
download is also hard-linked into PARTIAL_DIR until it is complete. pip still finds, authenticates and
verifies everything (run it with --require-hashes: a damaged part fails there).
PARTIAL_DIR and TMPDIR must be on one file system.
"""

import os
import sys


def install_resuming_download(partial_dir):
    import pip._internal.commands.download  # noqa: F401  pip's modules only load in this order
    from pip._internal.exceptions import NetworkConnectionError
    from pip._internal.network import download as network

    def open_response(downloader, link, have_bytes):
        """The response for the rest of the file, and how many of the bytes on disk still count."""
        if have_bytes:
            headers = dict(network.HEADERS, Range=f"bytes={have_bytes}-")
            try:
                response = downloader._http_get(link, headers)
                if response.status_code == 206:
                    return response, have_bytes
            except NetworkConnectionError:
                pass
        return downloader._http_get(link), 0

    def resuming_call(downloader, link, location):
        partial = os.path.join(partial_dir, os.path.basename(link.filename))
        have_bytes = os.path.getsize(partial) if os.path.exists(partial) else 0
        response, have_bytes = open_response(downloader, link, have_bytes)
        remaining_bytes = network._get_http_response_size(response)
        total_bytes = None if remaining_bytes is None else have_bytes + remaining_bytes
        target = os.path.join(location, os.path.basename(partial))
        with open(partial, "ab"):
            pass
        os.link(partial, target)
        with open(target, "r+b") as file:
            file.truncate(have_bytes)
            file.seek(have_bytes)
            state = network._FileDownload(link, file, total_bytes, bytes_received=have_bytes)
            downloader._process_response(state, response)
            if state.is_incomplete():
                downloader._attempt_resumes_or_redownloads(state, response)
        os.unlink(partial)
        return target, response.headers.get("Content-Type", "")

    network.Downloader.__call__ = resuming_call


def main():
    wheel, partial_dir, *arguments = sys.argv[1:]
    sys.path.insert(0, wheel)
    os.makedirs(partial_dir, exist_ok=True)
    from pip._internal.cli.main import main as pip_main

    install_resuming_download(partial_dir)
    return pip_main(arguments)


if __name__ == "__main__":
    sys.exit(main())
