#!/usr/bin/env python3
"""Makes the reports that metrics_test compares with: what the real vegeta prints of the same results.

Usage: make_reports.py PATH-OF-VEGETA

The results of each case come from a formula that metrics_test repeats.
"""

import csv
import io
import os
import subprocess
import sys

MASK = (1 << 64) - 1
BEGAN_NS = 1621717148000000000

# name: count, interval, least latency, spread of latencies, shift of some, bytes out, bytes in
CASES = {
    "walkthrough": (600, 100_000_000, 1_200_000, 2_000_000, 0, 110979, 315),
    "one": (1, 100_000_000, 1_500_000, 10, 0, 0, 12),
    "two": (2, 100_000_000, 1_500_000, 3_000_000, 0, 7, 12),
    "failing": (40, 50_000_000, 900_000, 40_000_000, 0, 5, 3),
    "many": (5000, 200_000, 50_000, 900_000, 7, 1, 1),
    "slow": (3, 2_700_000_000_000, 4_200_000_000_000, 600_000_000_000, 0, 0, 0),
    "instant": (10, 1_000, 1, 900, 0, 0, 0),
}


def splitmix64(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def outcome(name, i):
    if name != "failing" or i % 4 < 2:
        return 200, ""
    if i % 4 == 2:
        return 503, "503 Service Unavailable"
    return 0, 'Post "http://a.default/": no reply in time'


def results(name):
    count, interval, least, spread, shift, bytes_out, bytes_in = CASES[name]
    random = splitmix64(len(name))
    for i in range(count):
        value = next(random)
        latency = least + (value % spread)
        if shift:
            latency <<= (value >> 60) % shift
        code, error = outcome(name, i)
        sizes = (bytes_out, bytes_in) if code else (0, 0)
        yield [BEGAN_NS + i * interval, code, latency, *sizes, error, "", "", i, "POST", "http://a.default/", ""]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name in CASES:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(results(name))
        report = subprocess.run([sys.argv[1], "report"], input=text.getvalue().encode(), stdout=subprocess.PIPE, check=True)
        with open(os.path.join(here, name + ".txt"), "wb") as out:
            out.write(report.stdout)


if __name__ == "__main__":
    main()
