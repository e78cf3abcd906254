#!/usr/bin/env python3
"""Two models on one InferenceService, as docs/walkthrough.md tells it, on real input.

Usage: walkthrough.py STATE_DIRECTORY

Prints every command before it runs it, checks the replies, and says how long things took. Uses kubectl
where there is one, else throng's own verbs. Leaves everything running. Exit status 1 when a reply is
wrong or a command fails.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import ask

MIRROR = "gs://kfserving-examples/=examples/storage/kfserving-examples"
WAIT = "--timeout=120s"


class Failed(Exception):
    pass


class Narrator:
    def __init__(self, state):
        self.state = state
        self.environment = dict(os.environ)
        self.environment["PATH"] = os.path.abspath("build/bin") + ":" + self.environment.get("PATH", "")

    def run(self, command, shown=True):
        """What the command printed; raises Failed."""
        print(f"$ {command}", flush=True)
        done = subprocess.run(["bash", "-c", command], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if shown or done.returncode != 0:
            for line in done.stdout.splitlines():
                print("  " + ask.shortened(line))
        if done.returncode != 0:
            raise Failed(f"'{command.split()[0]}' ended with status {done.returncode}")
        return done.stdout

    def timed(self, command):
        start = time.perf_counter()
        self.run(command)
        print(f"  ({time.perf_counter() - start:.2f} s)")


def tell(text):
    print("\n" + text, flush=True)


def start(narrator):
    tell("A Kubernetes-shaped API, its controllers and an ingress. The bucket is served from a folder of this\n"
         "repository, so that no internet is needed; specifications and logs keep its gs:// addresses.")
    narrator.timed(f"throng up --detach --state-dir {narrator.state} --mirror {MIRROR}")
    for line in narrator.run(f"throng env --state-dir {narrator.state}").split():
        if "=" in line:
            name, value = line.split("=", 1)
            narrator.environment[name] = value.strip("'")


def deploy(narrator, tool):
    tell("The InferenceService that hosts the models:")
    narrator.run(f"{tool} apply -f examples/walkthrough/multi_model_triton.yaml")
    narrator.timed(f"{tool} wait --for=condition=Ready inferenceservice/triton-mms {WAIT}")
    narrator.run(f"{tool} get isvc triton-mms")
    tell("Two models on it, one of PyTorch, one of TensorFlow:")
    narrator.run(f"{tool} apply -f examples/walkthrough/trained_model.yaml")
    narrator.run(f"{tool} apply -f examples/walkthrough/trained_model2.yaml")
    narrator.timed(f"{tool} wait --for=condition=Ready trainedmodel/cifar10 trainedmodel/simple-string {WAIT}")
    narrator.run(f"{tool} get tm")
    tell("What the agent beside the model server did:")
    pod = narrator.run(f"{tool} get pods -o name", shown=False).split()[0]
    narrator.run(f"{tool} logs {pod} -c agent")


def infer(narrator, recorded):
    tell("Through the ingress; the host name decides where a request goes:")
    host = "triton-mms.default.example.com"
    base = f"http://{narrator.environment['INGRESS_HOST']}:{narrator.environment['INGRESS_PORT']}/v2/models"
    for model in ("cifar10", "simple-string"):
        expected = recorded["models"][model]
        metadata = narrator.run(f'curl -s -H "Host: {host}" {base}/{model}')
        ask.check_metadata(model, metadata, expected)
        body = os.path.join(ask.REQUESTS, expected["request"])
        reply = narrator.run(f'curl -s -H "Host: {host}" -d @{body} {base}/{model}/infer')
        facts = ask.check_inference(reply, expected, recorded["tolerance"])
        if model == "simple-string":
            with open(body, encoding="utf-8") as file:
                facts += ", " + ask.check_sums(json.load(file), reply)
        print("  right: " + facts)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    narrator = Narrator(sys.argv[1])
    tool = "kubectl" if shutil.which("kubectl") else "throng"
    with open(os.path.join(ask.REQUESTS, "expected.json"), encoding="utf-8") as file:
        recorded = json.load(file)
    try:
        start(narrator)
        deploy(narrator, tool)
        infer(narrator, recorded)
    except (Failed, ask.WrongReply, OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"WRONG: {error}")


if __name__ == "__main__":
    main()
