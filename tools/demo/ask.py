#!/usr/bin/env python3
"""Asks a running server for a model's metadata and for one inference, and checks the reply.

Usage: ask.py PORT MODEL...

Prints for each model the curl lines that do the same, both replies (long ones shortened), and how long
each took the first time (cold) and after that (warm: the median of 20). Requests and expected replies
are examples/requests/MODEL.json and expected.json. Exit status 1 when a reply is wrong.
"""

import http.client
import json
import os
import sys
import time

REQUESTS = "examples/requests"
WARM_REPEATS = 20
SHOWN_CHARACTERS = 400
TIMEOUT_SECONDS = 120


class WrongReply(Exception):
    pass


def timed_exchange(connection, method, path, body):
    """(milliseconds, status, text) of one request on a kept-alive connection."""
    start = time.perf_counter()
    connection.request(method, path, body)
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    return (time.perf_counter() - start) * 1000, response.status, text


def ask(connection, method, path, body=None):
    """Sends it once, then WARM_REPEATS times; returns the text, cold and warm milliseconds."""
    cold, status, text = timed_exchange(connection, method, path, body)
    if status != 200:
        raise WrongReply(f"status {status}: {text[:SHOWN_CHARACTERS]}")
    warm = []
    for _ in range(WARM_REPEATS):
        milliseconds, status, again = timed_exchange(connection, method, path, body)
        if (status, again) != (200, text):
            raise WrongReply(f"the same request got another reply: status {status}: {again[:SHOWN_CHARACTERS]}")
        warm.append(milliseconds)
    return text, cold, sorted(warm)[len(warm) // 2]


def shortened(text):
    if len(text) <= SHOWN_CHARACTERS:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters ... {text[-half:]}"


def same(value, wanted, tolerance):
    if isinstance(wanted, float):
        return isinstance(value, (int, float)) and abs(value - wanted) <= tolerance * max(1.0, abs(wanted))
    return value == wanted


def check_metadata(model, text, expected):
    metadata = json.loads(text)
    if metadata.get("name") != model:
        raise WrongReply(f"metadata names {metadata.get('name')!r}")
    names = [output["name"] for output in metadata["outputs"]]
    wanted = [output["name"] for output in expected["outputs"]]
    if sorted(names) != sorted(wanted):
        raise WrongReply(f"metadata lists the outputs {names}, expected {wanted}")


def largest_index_per_row(output):
    width = output["shape"][-1]
    rows = [output["data"][i : i + width] for i in range(0, len(output["data"]), width)]
    return [row.index(max(row)) for row in rows]


def check_inference(text, expected, tolerance):
    """What was right, in words; raises WrongReply."""
    outputs = {output["name"]: output for output in json.loads(text)["outputs"]}
    for wanted in expected["outputs"]:
        output = outputs.get(wanted["name"])
        if output is None:
            raise WrongReply(f"no output {wanted['name']}")
        for key in ("datatype", "shape"):
            if output[key] != wanted[key]:
                raise WrongReply(f"{wanted['name']}: {key} is {output[key]}, expected {wanted[key]}")
        pairs = list(zip(output["data"], wanted["data"]))
        if len(output["data"]) != len(wanted["data"]) or not all(same(a, b, tolerance) for a, b in pairs):
            raise WrongReply(f"{wanted['name']} is {output['data'][:16]}, expected {wanted['data'][:16]}")
    facts = [f"{len(expected['outputs'])} output(s) as {expected['framework']} computes them in Python"]
    if "argmax" in expected:
        found = largest_index_per_row(outputs[expected["outputs"][0]["name"]])
        if found != expected["argmax"]:
            raise WrongReply(f"argmax is {found}, expected {expected['argmax']}")
        facts.append(f"argmax {found} as recorded")
    return ", ".join(facts)


def check_sums(request, text):
    """simple-string: OUTPUT0 is INPUT0 + INPUT1 and OUTPUT1 is INPUT0 - INPUT1, all of them numbers as text."""
    values = {tensor["name"]: [int(word) for word in tensor["data"]] for tensor in request["inputs"]}
    values.update({tensor["name"]: [int(word) for word in tensor["data"]] for tensor in json.loads(text)["outputs"]})
    for a, b, total, difference in zip(*(values[name] for name in ("INPUT0", "INPUT1", "OUTPUT0", "OUTPUT1"))):
        if (a + b, a - b) != (total, difference):
            raise WrongReply(f"{a} and {b} gave the sum {total} and the difference {difference}")
    return "sums and differences add up"


def ask_model(connection, port, model, expected, tolerance):
    request_path = os.path.join(REQUESTS, expected["request"])
    with open(request_path, "rb") as file:
        body = file.read()
    base = f"/v2/models/{model}"
    print(f"\n$ curl -s http://127.0.0.1:{port}{base}", flush=True)
    metadata, metadata_cold, metadata_warm = ask(connection, "GET", base)
    print(shortened(metadata))
    check_metadata(model, metadata, expected)
    print(f"$ curl -s -d @{request_path} http://127.0.0.1:{port}{base}/infer", flush=True)
    reply, infer_cold, infer_warm = ask(connection, "POST", base + "/infer", body)
    print(shortened(reply))
    facts = check_inference(reply, expected, tolerance)
    if model == "simple-string":
        facts += ", " + check_sums(json.loads(body), reply)
    print("right: " + facts)
    print(f"{'':10}{'cold':>10}{'warm':>10}")
    print(f"{'metadata':10}{metadata_cold:7.2f} ms{metadata_warm:7.2f} ms")
    print(f"{'infer':10}{infer_cold:7.2f} ms{infer_warm:7.2f} ms   ({len(body)} bytes sent)", flush=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    port = int(sys.argv[1])
    with open(os.path.join(REQUESTS, "expected.json"), encoding="utf-8") as file:
        recorded = json.load(file)
    wrong = []
    for model in sys.argv[2:]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        try:
            ask_model(connection, port, model, recorded["models"][model], recorded["tolerance"])
        except (WrongReply, OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            kind = "" if isinstance(error, WrongReply) else type(error).__name__ + ": "
            print(f"WRONG: {model}: {kind}{error}")
            wrong.append(model)
        finally:
            connection.close()
    if wrong:
        sys.exit(f"wrong replies: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
