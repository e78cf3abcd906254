#!/usr/bin/env python3
"""kill -9 of `throng up`, agents, model servers and the gateway at every point of base/kill_point.h.

    kill_matrix_test.py BIN_DIRECTORY [--rounds N] [--only TEXT]

BIN_DIRECTORY holds the program that is linked with tests/control/killing_point.cc. For each point something is
done that passes it; the process dies there, exactly; what was killed is started again (`throng up` by this
test, the others by it); and then:

- everything that was acknowledged is there, this time's and every earlier time's;
- what was asked for came about: Ready where it was wanted, gone where it was deleted, bytes too;
- there is one process of each kind, and no model was loaded twice in one life of its server;
- requests that came meanwhile were answered, except for what the point excuses (EXCUSES).

A point without a deed here fails the test, as does one that is never passed. Rounds run beside each other, each
with a state directory of its own.
"""
import argparse
import concurrent.futures
import contextlib
import itertools
import os
import re
import signal
import sys
import time
import traceback

from plane import LOST, SOURCE, Load, Plane, Unexpected

HEADER = os.path.join(SOURCE, 'src/base/kill_point.h')
ROW = re.compile(r'\{"([a-z_.]+)", "([a-z]+)"\}')
PASSED_WITHIN = 30
CONVERGED_WITHIN = 60
# What requests may see, by the process that is killed. One at a time is under way.
EXCUSES = {
    'up': lambda failures: not failures,
    'agent': lambda failures: not failures,
    # What the killed server was executing may have had an effect, and is not sent again.
    'serve': lambda failures: len(failures) <= 1 and all(status == 502 for status, _ in failures),
    # It is what clients are connected to.
    'gateway': lambda failures: all(status == 0 for status, _ in failures),
}


def points():
    with open(HEADER, encoding='utf-8') as file:
        return [row for row in ROW.findall(file.read()) if row[1] != 'store']


class Deed:
    """Something that a user does, from which the plane must recover."""

    def __init__(self, plane, tag):
        self.plane, self.tag = plane, tag

    def prepare(self):
        """Before the point is armed."""

    def act(self):
        """Raises one of LOST when it was not acknowledged."""

    def check_acknowledged(self):
        """Right after the restart of what was killed."""

    def is_done(self):
        """What was asked for has come about."""
        return True

    def clean(self):
        """Afterwards."""


class ApplyModel(Deed):
    def act(self):
        self.plane.create(self.plane.model(self.tag, self.plane.onnx('good')))

    def check_acknowledged(self):
        if self.plane.get('trainedmodels', self.tag) is None:
            raise Unexpected(f'{self.tag} was acknowledged and is lost')

    def is_done(self):
        return self.plane.is_ready('trainedmodels', self.tag) and self.plane.infer(self.tag) == 200

    def clean(self):
        self.plane.delete('trainedmodels', self.tag)


class DeleteModel(ApplyModel):
    def prepare(self):
        super().act()
        self.plane.until(f'{self.tag} is ready', super().is_done)

    def act(self):
        self.plane.delete('trainedmodels', self.tag)

    def check_acknowledged(self):
        thing = self.plane.get('trainedmodels', self.tag)
        if thing is not None and 'deletionTimestamp' not in thing['metadata']:
            raise Unexpected(f'the deletion of {self.tag} was acknowledged and is lost')

    def is_done(self):
        if self.plane.get('trainedmodels', self.tag) is not None or self.plane.infer(self.tag) != 404:
            return False
        for pod in self.plane.pods_of():
            directory = self.plane.replica_directory(pod)
            for place in ('models', 'agent/staging', 'agent/records'):
                if any(name.startswith(self.tag) for name in os.listdir(os.path.join(directory, place))):
                    return False
        return True

    def clean(self):
        pass


class BreakModel(ApplyModel):
    """Another version, which cannot be loaded: the one before goes on."""

    def prepare(self):
        super().act()
        self.plane.until(f'{self.tag} is ready', super().is_done)

    def act(self):
        self.plane.set_uri(self.tag, self.plane.broken('broken'))

    def is_done(self):
        condition = self.plane.condition('trainedmodels', self.tag, 'Loaded')
        return (condition.get('reason') == 'ModelLoadFailed' and super().is_done())


class ApplyService(Deed):
    def act(self):
        self.plane.create(self.plane.service(self.tag))
        self.plane.create(self.plane.model(self.tag, self.plane.onnx('good'), service=self.tag))

    def check_acknowledged(self):
        for resource in ('inferenceservices', 'trainedmodels'):
            if self.plane.get(resource, self.tag) is None:
                raise Unexpected(f'{self.tag} of {resource} was acknowledged and is lost')

    def is_done(self):
        return (self.plane.is_ready('inferenceservices', self.tag) and self.plane.is_ready('trainedmodels', self.tag)
                and len(self.plane.pods_of(self.tag)) == 1 and self.plane.infer(self.tag, self.tag) == 200)

    def clean(self):
        self.plane.delete('inferenceservices', self.tag)
        self.plane.delete('trainedmodels', self.tag)


class DeleteService(ApplyService):
    def prepare(self):
        super().act()
        self.plane.until(f'{self.tag} is ready', super().is_done)

    def act(self):
        self.plane.delete('inferenceservices', self.tag)
        self.plane.delete('trainedmodels', self.tag)

    def check_acknowledged(self):
        for resource in ('inferenceservices', 'trainedmodels'):
            thing = self.plane.get(resource, self.tag)
            if thing is not None and 'deletionTimestamp' not in thing['metadata']:
                raise Unexpected(f'the deletion of {self.tag} of {resource} was acknowledged and is lost')

    def is_done(self):
        replicas = os.listdir(os.path.join(self.plane.state, 'replicas/default'))
        return (all(self.plane.get(resource, self.tag) is None for resource in ('inferenceservices', 'trainedmodels'))
                and not any(name.startswith(f'{self.tag}-predictor') for name in replicas)
                and not any(f'/{self.tag}-predictor' in word for _, words in self.plane.processes() for word in words)
                and self.plane.infer(self.tag, self.tag) == 404)

    def clean(self):
        pass


class Infer(Deed):
    """The load that goes on does it."""


class RestartServer(Deed):
    def act(self):
        os.kill(self.plane.process_of('serve', self.plane.pods_of()[0]), signal.SIGKILL)


class RestartGateway(Deed):
    def act(self):
        os.kill(self.plane.process_of('gateway'), signal.SIGKILL)


DEEDS = {
    'store.commit.before': ApplyModel,
    'store.commit.after': ApplyModel,
    'api.write.before_event': ApplyModel,
    'api.write.before_answer': DeleteModel,
    'controllers.revision.written': ApplyService,
    'controllers.pod.created': ApplyService,
    'controllers.pod.deleted': DeleteService,
    'controllers.pod.status_written': ApplyService,
    'controllers.route.written': ApplyService,
    'controllers.route.deleted': DeleteService,
    'controllers.service.status_written': ApplyService,
    'controllers.service.finalizer_removed': DeleteService,
    'controllers.assignment.written': ApplyModel,
    'controllers.assignment.deleted': DeleteModel,
    'controllers.model.metadata_written': ApplyModel,
    'controllers.model.status_written': ApplyModel,
    'controllers.model.finalizer_removed': DeleteModel,
    'launcher.mark.written': ApplyService,
    'launcher.process.forked': ApplyService,
    'launcher.process.stamped': ApplyService,
    'launcher.replica.server_started': ApplyService,
    'launcher.replica.stopped': DeleteService,
    'agent.desired.persisted': ApplyModel,
    'agent.download.before': ApplyModel,
    'agent.download.after': ApplyModel,
    'agent.success.written': ApplyModel,
    'agent.model.installed': ApplyModel,
    'agent.load.started': ApplyModel,
    'agent.load.answered': ApplyModel,
    'agent.record.written': ApplyModel,
    'agent.report.started': ApplyModel,
    'agent.report.answered': ApplyModel,
    'agent.model.rolled_back': BreakModel,
    'agent.unload.started': DeleteModel,
    'agent.unload.answered': DeleteModel,
    'agent.record.removed': DeleteModel,
    'agent.bytes.moved': DeleteModel,
    'agent.bytes.removed': DeleteModel,
    'serve.ports.written': RestartServer,
    'serve.load.received': ApplyModel,
    'serve.load.done': ApplyModel,
    'serve.unload.received': DeleteModel,
    'serve.request.received': Infer,
    'serve.request.computed': Infer,
    'gateway.routes.read': RestartGateway,
    'gateway.routes.saved': ApplyService,
    'gateway.request.started': Infer,
    'gateway.reply.received': Infer,
}


def interleaved(rows):
    """`throng up` between the others: what restarts them forgets how often they had ended."""
    of_up = [row for row in rows if row[1] == 'up']
    others = [row for row in rows if row[1] != 'up']
    others.sort(key=lambda row: row[0].rpartition('.')[2])  # not one process again and again
    pairs = itertools.zip_longest(of_up, others)
    return [row for pair in pairs for row in pair if row is not None]


class Round:
    def __init__(self, bin_directory, number):
        self.plane = Plane(bin_directory)
        self.number, self.count = number, 0
        self.acknowledged = set()
        self.loaded_often = set()  # models that are to be
        self.load = None

    def start(self):
        plane = self.plane
        plane.up()
        plane.create(plane.service('mms'))
        plane.create(plane.model('steady', plane.onnx('good')))
        plane.until('the steady model is ready', lambda: plane.is_ready('trainedmodels', 'steady')
                    and plane.answers('steady'))
        self.load = Load(plane, 'steady')
        self.load.start()

    def close(self):
        if self.load is not None:
            self.load.stop()
        self.plane.close()

    def attempt(self, question):
        """What the API says; nothing while it cannot be asked."""
        with contextlib.suppress(*LOST):
            return question()
        return None

    def note(self):
        name = f'note-{self.count}'
        self.plane.create(self.plane.note(name))
        self.acknowledged.add(name)

    def run(self, point, process):
        plane = self.plane
        self.count += 1
        self.note()
        deed = DEEDS[point](plane, f'm{self.count}')
        if isinstance(deed, BreakModel):
            self.loaded_often.add(deed.tag)
        deed.prepare()
        self.check_load(point, lambda failures: not failures)
        with open(os.path.join(plane.directory, 'kill-at.new'), 'w', encoding='utf-8') as file:
            file.write(point)
        os.rename(file.name, os.path.join(plane.directory, 'kill-at'))
        acknowledged = False
        try:
            deed.act()
            acknowledged = True
        except LOST:
            if process != 'up':
                raise
        self.await_kill(point, process)
        if acknowledged:
            deed.check_acknowledged()
        else:
            deed.act()
        plane.until(f'{point}: converged', lambda: self.attempt(deed.is_done), CONVERGED_WITHIN)
        self.check_everything(point)
        restarts = isinstance(deed, (RestartServer, RestartGateway))
        self.check_load(point, (lambda failures: len(failures) <= 2) if restarts and process == 'serve'
                        else EXCUSES[process])
        deed.clean()

    def await_kill(self, point, process):
        plane = self.plane
        killed = os.path.join(plane.directory, 'killed')
        plane.until(f'{point} is passed', lambda: os.path.exists(killed), PASSED_WITHIN)
        with open(killed, encoding='utf-8') as file:
            name, number = file.read().split()
        os.unlink(killed)
        if name != point:
            raise Unexpected(f'{name} was passed in place of {point}')
        if process == 'up':
            if int(number) != plane.process.pid:
                raise Unexpected(f'{point} was passed by another process than throng up')
            plane.forget_connection()
            plane.restart()

    def check_everything(self, point):
        plane = self.plane
        plane.until(f'{point}: the steady model', lambda: self.attempt(lambda: plane.is_ready('trainedmodels', 'steady'))
                    and plane.answers('steady'))
        there = {thing['metadata']['name'] for thing in plane.list('configmaps')}
        if self.acknowledged - there:
            raise Unexpected(f'{point}: lost {sorted(self.acknowledged - there)}')
        # One of each, also when the point was passed between the start of one and the note of it.
        plane.until(f'{point}: a gateway', lambda: plane.process_of('gateway'))
        for pod in plane.pods_of():
            for command in ('serve', 'agent'):
                plane.until(f'{point}: throng {command} of {pod}', lambda: plane.process_of(command, pod))
            twice = {name: count for name, count in plane.loads_of_this_life(pod).items()
                     if count > 1 and name not in self.loaded_often}
            if twice:
                raise Unexpected(f'{point}: loaded more than once in one life of the server: {twice}\n{plane.logs()}')

    def check_load(self, point, is_excused):
        before = self.load.count
        self.plane.until('requests go on', lambda: self.load.count > before + 1)
        failures = self.load.take_failures()
        if not is_excused(failures):
            raise Unexpected(f'{point}: requests failed: {failures[:5]}\n{self.plane.logs()}')


def run_round(bin_directory, number, rows, say):
    """The problems of one round."""
    this, problems, slow = None, [], []
    for point, process in rows:
        began = time.monotonic()
        try:
            if this is None:
                this = Round(bin_directory, number)
                this.start()
            this.run(point, process)
        except Exception:  # what is wrong with one point must not hide the others
            problems.append(f'round {number}, {point}: {traceback.format_exc()}')
            say(f'round {number}: {point} FAILED')
            if this is not None:
                this.close()
            this = None
        slow.append((time.monotonic() - began, point))
    if this is not None:
        this.close()
    slow.sort(reverse=True)
    say(f'round {number}: slowest: ' + ', '.join(f'{point} {seconds:.1f} s' for seconds, point in slow[:5]))
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('bin_directory')
    parser.add_argument('--rounds', type=int, default=10 if os.environ.get('THRONG_TEST_FULL') == '1' else 3)
    parser.add_argument('--beside', type=int, default=3, help='rounds that run at the same time')
    parser.add_argument('--only', default='', help='points whose name contains this')
    arguments = parser.parse_args()
    rows = points()
    names = {name for name, _ in rows}
    if names != set(DEEDS):
        sys.exit(f'points without a deed: {sorted(names - set(DEEDS))}; deeds without a point: '
                 f'{sorted(set(DEEDS) - names)}')
    rows = interleaved([row for row in rows if arguments.only in row[0]])
    began = time.monotonic()
    problems = []
    with concurrent.futures.ThreadPoolExecutor(arguments.beside) as executor:
        rounds = [executor.submit(run_round, os.path.abspath(arguments.bin_directory), number, rows,
                                  lambda text: print(text, flush=True)) for number in range(arguments.rounds)]
        for finished in rounds:
            problems += finished.result()
    for problem in problems:
        print(problem)
    print(f'{len(rows)} points, {arguments.rounds} rounds, {time.monotonic() - began:.0f} s: '
          f'{len(problems)} problems')
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
