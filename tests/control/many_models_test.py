#!/usr/bin/env python3
"""A thousand TrainedModels, applied while the replicas' processes are killed again and again.

    many_models_test.py BIN_DIRECTORY [--models N]

All become Ready, each answers, none is left behind by any agent; and an agent that starts with all of them
goes on as if it had never been away.
"""
import argparse
import http.client
import json
import os
import signal
import sys
import time

from plane import LOST, Plane, Unexpected

KILLS = 12
CONVERGED_WITHIN = 240


class ManyModels:
    def __init__(self, bin_directory, count):
        self.plane = Plane(bin_directory)
        self.names = [f'm{number:05d}' for number in range(count)]
        self.began = time.monotonic()

    def say(self, text):
        print(f'{time.monotonic() - self.began:6.1f} s  {text}', flush=True)

    def start(self):
        plane = self.plane
        plane.up()
        plane.create(plane.service('mms', replicas=2))
        plane.until('two replicas', lambda: len(plane.pods_of()) == 2
                    and all(plane.process_of('agent', pod) for pod in plane.pods_of()))

    def apply_while_they_die(self):
        """One process after the other, each time once it runs: never so long that all would have come about."""
        plane, uri = self.plane, self.plane.onnx('good')
        victims = [(command, pod) for pod in plane.pods_of() for command in ('serve', 'agent')]
        kills, next_kill = 0, len(self.names) // KILLS
        for number, name in enumerate(self.names):
            plane.create(plane.model(name, uri))
            if number >= next_kill:
                kills += self.kill(*victims[kills % len(victims)])
                next_kill += len(self.names) // KILLS
        self.say(f'{len(self.names)} models applied, {kills} processes killed meanwhile')
        for _ in range(len(victims)):
            command, pod = victims[kills % len(victims)]
            plane.until(f'{command} of {pod}', lambda: plane.process_of(command, pod))
            kills += self.kill(command, pod)
        self.say(f'{kills} killed in all')

    def kill(self, command, pod):
        number = self.plane.process_of(command, pod)
        if number:
            os.kill(number, signal.SIGKILL)
        return 1 if number else 0

    def ready_count(self):
        count = 0
        for thing in self.plane.list('trainedmodels'):
            conditions = {condition['type']: condition['status'] for condition in
                          thing.get('status', {}).get('conditions', [])}
            copies = thing.get('status', {}).get('copies', {})
            count += conditions.get('Ready') == 'True' and copies.get('readyCopies') == 2
        return count

    def all_ready(self):
        return self.plane.until('all are ready in two copies', lambda: self.ready_count() == len(self.names),
                                CONVERGED_WITHIN)

    def all_answer(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.plane.running['ingress'], timeout=60)
        for name in self.names:
            connection.request('POST', f'/v2/models/{name}/infer', self.plane.body(), {'Host': 'mms.default'})
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 200:
                raise Unexpected(f'{name}: {reply.status} {text[:200]}')
        connection.close()

    def servers_hold_all(self):
        for pod in self.plane.pods_of():
            with open(os.path.join(self.plane.replica_directory(pod), 'ports'), encoding='utf-8') as file:
                connection = http.client.HTTPConnection('127.0.0.1', json.load(file)['http'], timeout=60)
            connection.request('POST', '/v2/repository/index', '{"ready":true}')
            ready = {entry['name'] for entry in json.loads(connection.getresponse().read())}
            connection.close()
            if ready != set(self.names):
                raise Unexpected(f'{pod}: {len(ready)} models, missing {sorted(set(self.names) - ready)[:5]}')
            twice = {name: count for name, count in self.plane.loads_of_this_life(pod).items() if count > 1}
            if len(twice) > 16:  # of those that an agent had under way when it was killed
                raise Unexpected(f'{pod}: loaded twice in one life: {len(twice)} models')

    def agent_starts_with_all(self):
        plane = self.plane
        pod = plane.pods_of()[0]
        before = plane.loads_of_this_life(pod)
        self.kill('agent', pod)
        self.names.append('late')
        plane.create(plane.model('late', plane.onnx('good')))
        self.all_ready()
        again = {name for name, count in plane.loads_of_this_life(pod).items() if count > before.get(name, 0)}
        if again != {'late'}:
            raise Unexpected(f'the agent that came back had {len(again)} models loaded again')

    def delete_all(self):
        for name in self.names:
            self.plane.delete('trainedmodels', name)
        self.plane.until('all are gone', lambda: not self.plane.list('trainedmodels'), CONVERGED_WITHIN)
        for pod in self.plane.pods_of():
            left = os.listdir(os.path.join(self.plane.replica_directory(pod), 'models'))
            if left:
                raise Unexpected(f'{pod}: {len(left)} models are left on disk')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('bin_directory')
    parser.add_argument('--models', type=int, default=1000)
    arguments = parser.parse_args()
    test = ManyModels(os.path.abspath(arguments.bin_directory), arguments.models)
    try:
        test.start()
        test.apply_while_they_die()
        test.all_ready()
        test.say('all are ready in two copies')
        test.all_answer()
        test.servers_hold_all()
        test.say('all answer')
        test.agent_starts_with_all()
        test.say('an agent that started with all of them took one more')
        test.delete_all()
        test.say('all are gone')
    except (Unexpected, *LOST) as problem:
        sys.exit(f'FAILED: {problem}')
    finally:
        test.plane.close()


if __name__ == '__main__':
    main()
