#!/usr/bin/env python3
"""Runs the commands of a Markdown file in one shell and compares what they print with what stands there.

    walkthrough.py --document docs/walkthrough.md --kubectl PATH --bin build/bin [--slow]

Lines that start with "$ " in ```console blocks are commands; what follows is their output. A line "..."
stands for any lines, "..." within a line for any text. Ages, times, numbers that are measured, generated
names and columns' widths are not compared. A block below <!-- slow --> runs only with --slow.
--kubectl throng: its own verbs take kubectl's place.
Exit status: 0 all equal, 1 not, 77 something that it needs is not there.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
COMMAND_SECONDS = 240

# What differs from run to run, in the order in which it is replaced.
CHANGING = [
    (re.compile(r'-deployment-[0-9a-f]{10}-[a-z0-9]{5}'), '-deployment-HASH-NAME'),
    (re.compile(r'load-test[a-z0-9]{5}'), 'load-testNAME'),
    (re.compile(r'"ts":[0-9.]+'), '"ts":TIME'),
    (re.compile(r'"caller":"agent/[a-z_]+\.cc:\d+"'), '"caller":"CALLER"'),
    # Newer kubectls add where.
    (re.compile(r'(" deleted) from [a-z]+ namespace$'), r'\1'),
    (re.compile(r'^[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ '), 'LOG '),
    (re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'), 'TIME'),
    (re.compile(r'(?<![\w.])\d+(\.\d+)?(ns|µs|us|ms|s|m|h|d)(\d+(s|m|h))?(?![\w])'), 'DURATION'),
    (re.compile(r'(600, )10\.\d\d, (10|9)\.\d\d'), r'\1RATE, RATE'),
    (re.compile(r'(?<=mean\]  )(\s*)\d+, \d+\.\d\d$'), 'BYTES'),
]


def blocks(text):
    """[(is_slow, [(command, [expected line])])] of a document."""
    found, slow, inside = [], False, None
    for line in text.splitlines():
        if inside is None:
            if line.strip() == '<!-- slow -->':
                slow = True
            elif line.strip() == '```console':
                inside = []
        elif line.strip() == '```':
            found.append((slow, inside))
            slow, inside = False, None
        elif line.startswith('$ '):
            inside.append((line[2:], []))
        elif inside:
            inside[-1][1].append(line)
    return found


def normal(line):
    for pattern, text in CHANGING:
        line = pattern.sub(text, line)
    return re.sub(r' +', ' ', line.rstrip())


def matches_line(expected, actual):
    parts = [re.escape(part) for part in normal(expected).split('...')]
    return re.fullmatch('.*'.join(parts), normal(actual)) is not None


def difference(expected, actual):
    """None when they agree, else what does not."""
    position = 0
    for index, line in enumerate(expected):
        if line == '...':
            rest = expected[index + 1:]
            while len(actual) - position > len(rest):
                position += 1
            continue
        if position >= len(actual):
            return f'missing: {line!r}'
        if not matches_line(line, actual[position]):
            return f'expected {normal(line)!r}\n       printed {normal(actual[position])!r}'
        position += 1
    if position < len(actual):
        return f'more than expected: {actual[position]!r}'
    return None


class Shell:
    """One bash that runs commands one after the other."""

    def __init__(self, environment, directory):
        self.process = subprocess.Popen(['bash', '--norc'], stdin=subprocess.PIPE, cwd=directory,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=environment, text=True, bufsize=1)

    def run(self, command):
        mark = 'end-of-command-5f1c'
        self.process.stdin.write(f'{command}\necho "{mark} $?"\n')
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            at = line.find(mark)
            if at >= 0:
                if line[:at]:
                    lines.append(line[:at])
                return int(line[at:].split()[1]), lines
            lines.append(line.rstrip('\n'))
        raise RuntimeError('the shell has ended')

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_document(arguments, state):
    tools = os.path.join(state, 'bin')
    os.mkdir(tools)
    if arguments.kubectl == 'throng':
        # Its own verbs, for people who have no kubectl.
        path = os.path.join(tools, 'kubectl')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\nexec throng "$@"\n')
        os.chmod(path, 0o755)
    else:
        os.symlink(arguments.kubectl, os.path.join(tools, 'kubectl'))
    environment = {
        'PATH': f'{tools}:{os.path.abspath(arguments.bin)}:/usr/local/bin:/usr/bin:/bin',
        'HOME': os.path.join(state, 'home'), 'XDG_STATE_HOME': os.path.join(state, 'state'),
        'LANG': 'C.UTF-8',
    }
    os.mkdir(environment['HOME'])
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(arguments.document, encoding='utf-8') as file:
        document = blocks(file.read())
    shell, failures, count = Shell(environment, source), 0, 0
    try:
        for slow, commands in document:
            if slow and not arguments.slow:
                continue
            for command, expected in commands:
                status, actual = shell.run(command)
                actual = [line for line in actual if not line.startswith('Warning: version difference')]
                problem = difference(expected, actual)
                if status != 0:
                    problem = f'exit status {status}\n' + '\n'.join(actual)
                count += 1
                print(('ok    ' if problem is None else 'WRONG ') + command, flush=True)
                if problem is not None:
                    failures += 1
                    print('       ' + problem, flush=True)
    finally:
        shell.run('throng down >/dev/null 2>&1')
        shell.close()
    print(f'{count} commands, {failures} wrong')
    return failures, os.path.exists(os.path.join(environment['HOME'], '.kube', 'config'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--document', required=True)
    parser.add_argument('--kubectl', required=True)
    parser.add_argument('--bin', required=True)
    parser.add_argument('--slow', action='store_true')
    arguments = parser.parse_args()
    if arguments.kubectl != 'throng' and not os.access(arguments.kubectl, os.X_OK):
        print(f'skipped: {os.path.basename(arguments.kubectl)} is not here (./dev peers fetches it)')
        return SKIPPED
    if not shutil.which('curl'):
        print('skipped: no curl')
        return SKIPPED
    state = tempfile.mkdtemp(prefix='throng-walkthrough-')
    try:
        failures, touched = run_document(arguments, state)
        if touched:
            print('WRONG  ~/.kube/config was written')
        if failures or touched:
            for name in ('up.log', 'gateway.log'):
                path = os.path.join(state, 'state', 'throng', 'logs', name)
                if os.path.exists(path):
                    print(f'--- {name}\n' + open(path, encoding='utf-8').read()[-4000:])
            return 1
        return 0
    finally:
        shutil.rmtree(state, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
