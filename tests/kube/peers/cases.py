"""Reads the cases (cases/*.cases), the goldens and the table of differences.

A file of cases:

    == group                      a group has a namespace of its own
    # a remark
    name: command of a shell      further lines of it are indented

A step "from VERSION" or "until VERSION" is for those kubectls only: `name from 1.34: command`.
"""
import os
import re

STEP = re.compile(r'([a-z0-9-]+)(?: from ([0-9.]+))?(?: until ([0-9.]+))?: (.*)')


def number(version):
    return tuple(int(part) for part in version.split('.'))


class Step:
    def __init__(self, group, match):
        self.group = group
        self.name, self.first, self.last, self.command = match.groups()
        self.key = f'{group}/{self.name}'

    def is_for(self, version):
        if self.first and number(version) < number(self.first):
            return False
        return not (self.last and number(version) > number(self.last))


def read_cases(folder):
    steps = []
    for name in sorted(os.listdir(folder)):
        group = None
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            for line in file.read().split('\n'):
                match = STEP.fullmatch(line)
                if line.startswith('== '):
                    group = line[3:]
                elif match:
                    steps.append(Step(group, match))
                elif line.startswith(' '):
                    steps[-1].command += '\n' + line.strip()
                elif line and not line.startswith('#'):
                    raise ValueError(f'{name}: no step: {line}')
    keys = [step.key for step in steps]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f'there twice: {", ".join(sorted(twice))}')
    return steps


# --- Goldens: {(key, version): answer}; an answer is "exit N" and the lines of the output -----------------------
def read_goldens(folder):
    answers = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            key, versions, lines = None, [], []
            for line in file.read().split('\n') + ['== ']:
                if line.startswith(('== ', '[')):
                    for version in versions:
                        answers[key, version] = '\n'.join(lines)
                    versions, lines = [], []
                if line.startswith('== '):
                    key = line[3:]
                elif line.startswith('['):
                    words, code = line[1:].split('] ')
                    versions, lines = words.split(), [code]
                elif line.startswith('|'):
                    lines.append(line[1:])
    return answers


def write_goldens(folder, steps, answers):
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    versions = sorted({version for _, version in answers}, key=number)
    for group in dict.fromkeys(step.group for step in steps):
        text = ''
        for step in steps:
            if step.group != group:
                continue
            text += f'== {step.key}\n'
            told = {}
            for version in versions:
                if (step.key, version) in answers:
                    told.setdefault(answers[step.key, version], []).append(version)
            for answer, those in told.items():
                code, *lines = answer.split('\n')
                text += f'[{" ".join(those)}] {code}\n' + ''.join(f'|{line}\n' for line in lines)
        with open(os.path.join(folder, f'{group}.golden'), 'w', encoding='utf-8') as file:
            file.write(text)


# --- The table of differences: {(key, version): (reason, lines)} ------------------------------------------------
def read_differences(path):
    rows = {}
    key, versions, reason = None, [], ''
    with open(path, encoding='utf-8') as file:
        for line in file.read().split('\n'):
            if line.startswith('== '):
                words = re.fullmatch(r'== (\S+) \[([0-9. ]+)\]', line)
                key, versions, reason = words[1], words[2].split(), ''
                for version in versions:
                    rows[key, version] = ('', [])
            elif line.startswith('why: '):
                reason = line[5:].strip()
                for version in versions:
                    rows[key, version] = (reason, [])
            elif line.startswith(('-', '+')):
                for version in versions:
                    rows[key, version][1].append(line)
    return rows


def write_differences(path, head, rows):
    told = {}
    for (key, version), (reason, lines) in sorted(rows.items(), key=lambda row: row[0]):
        told.setdefault((key, reason, tuple(lines)), []).append(version)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(head)
        for (key, reason, lines), versions in told.items():
            file.write(f'\n== {key} [{" ".join(sorted(versions, key=number))}]\nwhy: {reason}\n')
            file.write(''.join(f'{line}\n' for line in lines))
