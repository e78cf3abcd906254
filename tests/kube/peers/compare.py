#!/usr/bin/env python3
"""What kubectl is told by our API server, beside what the real one tells it.

    compare.py check --bin BIN [--kubectl 1.20]   ours against the goldens, which the real one gave
    compare.py peers --bin BIN                    the real one against the goldens, and ours against the real one
    compare.py record --bin BIN                   the real one's answers become the goldens

--differences rewrites the table of differences: known rows keep their reason, new ones have none, and a row without
a reason fails. Programs are looked for in --peers (built by ./dev peers). Exit status 77: a program is missing.
"""
import argparse
import difflib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time

import cases
import definitions
import servers

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDENS = os.path.join(HERE, 'goldens')
TABLE = os.path.join(HERE, 'differences.txt')
VERSIONS = ['1.20', '1.34', '1.37']
STEP_SECONDS = 60
TRIES = 20
MISSING = 77

# What is another one in each run, and what stands for it.
NORMAL = [
    (re.compile(r'\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z'), 'TIME'),
    (re.compile(r'\b[MTWFS][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d [+-]\d{4}'), 'TIME'),
    (re.compile(r'\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b'), 'UID'),
    (re.compile(r'(resourceVersion\\?"?: ?\\?"?)\d+'), r'\1N'),
    (re.compile(r'(Resource Version: +)\d+'), r'\1N'),
    (re.compile(r'\(0x[0-9a-f]+\)'), '(POINTER)'),
    (re.compile(r'https?://127\.0\.0\.1:\d+'), 'SERVER'),
    (re.compile(r'\b10\.\d+\.\d+\.\d+\b *'), 'IP '),
    (re.compile(r'(?m)(^|   *)(\d+m)?\d+(\.\d+)?s( *$|   )'), r'\1AGE\4'),
    (re.compile(r'(?m)<invalid>( *$)'), r'AGE\1'),
    (re.compile(r'(?m) +$'), ''),
]

WATCHED = '''#!/bin/bash
# watched LINES 'command that watches' 'commands meanwhile': what the first prints until it has LINES lines.
out=$(mktemp -p .)
bash -c "exec $2" >"$out" 2>&1 &
watcher=$!
for _ in {1..300}; do [ -s "$out" ] && break; sleep 0.05; done
bash -c "$3" >/dev/null
for _ in {1..300}; do [ "$(wc -l <"$out")" -ge "$1" ] && break; sleep 0.05; done
kill "$watcher" 2>/dev/null
cat "$out"
'''
UNTIL = '''#!/bin/bash
# until_is TEXT COMMAND: runs it until it prints that, at most 100 tries.
for _ in {1..100}; do out=$(bash -c "$2" 2>&1); [ "$out" = "$1" ] && break; sleep 0.1; done
printf '%s\\n' "$out"
'''


def normal(text, name_space, group):
    text = text.replace(name_space, f'{group}-x')
    for pattern, word in NORMAL:
        text = pattern.sub(word, text)
    return '\n'.join(sorted_fields(line) for line in text.rstrip('\n').split('\n'))


def sorted_fields(line):
    """Raw JSON: the order of fields is no part of it."""
    try:
        return json.dumps(json.loads(line), sort_keys=True) if line.startswith('{') and len(line) > 1 else line
    except ValueError:
        return line


class Run:
    """All steps with one kubectl against one server."""

    def __init__(self, server, version, arguments, folder):
        self.server, self.version = server, version
        self.folder = os.path.join(folder, f'{server.name}-{version}')
        self.letter = 'abcdefgh'[VERSIONS.index(version)]
        self.answers, self.error = {}, None
        shutil.copytree(os.path.join(HERE, 'files'), self.folder)
        self.programs = os.path.join(self.folder, 'bin')
        os.mkdir(self.programs)
        os.symlink(os.path.join(arguments.peers, f'kubectl-{version}'), os.path.join(self.programs, 'kubectl'))
        for name, text in (('watched', WATCHED), ('until_is', UNTIL)):
            path = os.path.join(self.programs, name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            os.chmod(path, stat.S_IRWXU)

    def shell(self, command, name_space):
        environment = {'PATH': f'{self.programs}:/usr/bin:/bin', 'HOME': self.folder, 'LANG': 'C.UTF-8', 'TZ': 'UTC',
                       'KUBECONFIG': self.server.kubeconfig(name_space), 'NAMESPACE': name_space}
        try:
            done = subprocess.run(['bash', '-c', command], cwd=self.folder, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=STEP_SECONDS, check=False, errors='replace')
        except subprocess.TimeoutExpired as late:
            return -1, (late.output or b'').decode(errors='replace') + '\n(not ended in time)'
        return done.returncode, done.stdout

    def make_namespace(self, name_space):
        for _ in range(TRIES):
            said = self.shell(f'kubectl create namespace {name_space}', 'default')
            if self.shell(f'kubectl get namespace {name_space}', 'default')[0] == 0:
                return
            time.sleep(0.5)
        raise RuntimeError(f'no namespace {name_space}: {said}')

    def all(self, steps):
        try:
            for step in steps:
                if not step.is_for(self.version):
                    continue
                name_space = f'{step.group}-{self.letter}'
                if not any(key.startswith(step.group + '/') for key, _ in self.answers):
                    self.make_namespace(name_space)
                code, output = self.shell(step.command, name_space)
                text = normal(output, name_space, step.group)
                self.answers[step.key, self.version] = f'exit {code}' + (f'\n{text}' if text else '')
        except Exception as error:  # pylint: disable=broad-except
            self.error = error


def run_all(server, arguments, steps, folder):
    runs = [Run(server, version, arguments, folder) for version in arguments.versions]
    threads = [threading.Thread(target=run.all, args=(steps,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = {}
    for run in runs:
        if run.error:
            raise run.error
        answers.update(run.answers)
    return answers


def changed_lines(wanted, got):
    """The lines that differ, with "-" those that are wanted and with "+" those that are there."""
    return [line for line in difflib.unified_diff(wanted.split('\n'), got.split('\n'), n=0, lineterm='')
            if line[0] in '+-' and not line.startswith(('--- ', '+++ '))]


def differences(wanted, got):
    found = {}
    for key in wanted.keys() | got.keys():
        lines = changed_lines(wanted.get(key, '(no golden)'), got.get(key, '(not asked)'))
        if lines:
            found[key] = lines
    return found


def judge(found, table, commands, got):
    """Prints what is not in the table, what is there and no longer so, and rows without a reason."""
    failed = 0
    for (key, version), lines in sorted(found.items()):
        reason, known = table.get((key, version), ('', None))
        if known == lines and reason:
            continue
        failed += 1
        what = 'differs' if known is None else 'differs otherwise than the table says' if known != lines else \
            'is in the table without a reason'
        print(f'\n{key} with kubectl {version} {what}:\n  $ {commands.get(key, "?")}\n' + '\n'.join(lines))
    for key, version in sorted(table.keys() - found.keys()):
        if (key, version) in got:
            failed += 1
            print(f'\n{key} with kubectl {version} is in the table of differences and does not differ: remove it')
    return failed


def definitions_applied(real, ours, folder):
    for row in definitions.definitions(ours):
        real.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', row)
    waited = [f'/apis/{group}/{version}' for group, versions in definitions.GROUPS.items() for version in versions]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        text = json.dumps(real.call('GET', '/openapi/v3'))
        if all(path[1:] in text for path in waited):
            return
        time.sleep(0.2)
    raise RuntimeError('the definitions did not become known')


def folder_of(parent, name):
    path = os.path.join(parent, name)
    os.mkdir(path)
    return path


def compare(arguments, folder):
    steps = cases.read_cases(os.path.join(HERE, 'cases'))
    commands = {step.key: step.command for step in steps}
    goldens = cases.read_goldens(GOLDENS)
    wanted = {key: answer for key, answer in goldens.items() if key[1] in arguments.versions}
    failed = 0
    with servers.Ours(arguments.bin, folder_of(folder, 'ours')) as ours:
        if arguments.mode != 'check':
            with servers.Real(arguments.peers, folder_of(folder, 'real')) as real:
                definitions_applied(real, ours, folder)
                told = run_all(real, arguments, steps, folder)
            if arguments.mode == 'record':
                goldens.update(told)
                cases.write_goldens(GOLDENS, steps, {key: answer for key, answer in goldens.items()
                                                     if key[0] in commands})
            else:
                print('the real one against the goldens')
                failed += judge(differences(wanted, told), {}, commands, told)
            wanted = told
        got = run_all(ours, arguments, steps, folder)
    print('ours against the real one')
    found = differences(wanted, got)
    table = cases.read_differences(TABLE)
    if arguments.differences:
        with open(TABLE, encoding='utf-8') as file:
            head = file.read().split('\n\n== ')[0].rstrip('\n') + '\n'
        rows = {key: row for key, row in table.items() if key not in got and key[0] in commands}
        rows.update({key: (table.get(key, ('', []))[0], lines) for key, lines in found.items()})
        cases.write_differences(TABLE, head, rows)
        table = cases.read_differences(TABLE)
    failed += judge(found, table, commands, got)
    print(f'\n{len(got)} answers, {len(found)} known differences, {failed} failures')
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=['check', 'peers', 'record'])
    parser.add_argument('--bin', required=True, help='folder of throng')
    parser.add_argument('--peers', default=os.path.join(
        os.environ.get('THRONG_CACHE', os.path.expanduser('~/.cache/throng')), 'peers/bin'))
    parser.add_argument('--kubectl', action='append', help='only with this version (repeatable)')
    parser.add_argument('--differences', action='store_true')
    arguments = parser.parse_args()
    arguments.bin = os.path.abspath(arguments.bin)
    wanted = arguments.kubectl or VERSIONS
    arguments.versions = [version for version in wanted
                          if os.access(os.path.join(arguments.peers, f'kubectl-{version}'), os.X_OK)]
    missing = [f'kubectl-{version}' for version in wanted if version not in arguments.versions]
    if arguments.mode != 'check':
        missing += servers.Real.missing(arguments.peers)
    if missing and (arguments.mode != 'check' or not arguments.versions):
        print(f'skipped: {", ".join(missing)} not there; ./dev peers builds them')
        return MISSING
    folder = tempfile.mkdtemp(prefix='throng-compare-')
    try:
        return compare(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
