#!/usr/bin/env python3
"""`throng up` as a process, with its real gateway, agents and servers, driven by throng's own verbs.

    up_test.py BIN_DIRECTORY [unittest arguments]

Each test has a state directory of its own and free ports. Waits are for conditions, with a deadline.
"""
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.request

BIN = ''
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUCKET = os.path.join(SOURCE, 'examples/storage/kfserving-examples')
SECONDS = 60

SERVICE = '''apiVersion: serving.kubeflow.org/v1beta1
kind: InferenceService
metadata: {{name: mms}}
spec:
  predictor:
    minReplicas: {replicas}
    triton:
      resources: {{limits: {{cpu: "1", memory: {memory}}}}}
'''
MODEL = '''---
apiVersion: serving.kubeflow.org/v1alpha1
kind: TrainedModel
metadata: {{name: {name}, annotations: {annotations}}}
spec:
  inferenceService: mms
  model: {{framework: {framework}, storageUri: "{uri}", memory: {memory}}}
'''


def model(name, uri, framework='onnx', memory='1Mi', annotations='{}'):
    return MODEL.format(name=name, uri=uri, framework=framework, memory=memory, annotations=annotations)


class Load(threading.Thread):
    """Asks for a model again and again, and counts what was not 200."""

    def __init__(self, port, path, body):
        super().__init__()
        self.port, self.path, self.body = port, path, body
        self.done, self.count, self.failures = threading.Event(), 0, []

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=SECONDS)
        while not self.done.is_set():
            try:
                connection.request('POST', self.path, self.body, {'Host': 'mms.default.example.com'})
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != 200:
                    self.failures.append((reply.status, text[:200]))
            except OSError as error:
                self.failures.append((0, str(error)))
                connection.close()
            self.count += 1
        connection.close()

    def stop(self):
        self.done.set()
        self.join()


class UpTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='throng-up-')
        self.state = os.path.join(self.directory, 'state')
        self.environment = {'PATH': f'{BIN}:/usr/bin:/bin', 'HOME': self.directory, 'LANG': 'C.UTF-8'}
        self.models = os.path.join(self.directory, 'models')
        os.mkdir(self.models)

    def tearDown(self):
        self.throng('down', '--state-dir', self.state, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- what a user does ---------------------------------------------------------------
    def throng(self, *words, check=True, text=None):
        done = subprocess.run([os.path.join(BIN, 'throng'), *words], env=self.environment, text=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=4 * SECONDS, check=False)
        if check and done.returncode != 0:
            self.fail(f'throng {" ".join(words)}: status {done.returncode}: {done.stdout}\n{self.logs()}')
        return done.stdout

    def up(self, *flags):
        self.throng('up', '--detach', '--state-dir', self.state, '--file-root', self.models, *flags)
        with open(os.path.join(self.state, 'up.json'), encoding='utf-8') as file:
            self.running = json.load(file)
        self.environment['KUBECONFIG'] = self.running['kubeconfig']

    def apply(self, text):
        return self.throng('apply', '-f', '-', text=text)

    def get(self, resource, name):
        return json.loads(self.throng('get', resource, name, '-o', 'json'))

    def ready(self, *names):
        self.throng('wait', '--for=condition=Ready', *names, f'--timeout={SECONDS}s')

    def infer(self, name, host='mms.default.example.com'):
        connection = http.client.HTTPConnection('127.0.0.1', self.running['ingress'], timeout=SECONDS)
        connection.request('POST', f'/v2/models/{name}/infer', self.body(), {'Host': host})
        reply = connection.getresponse()
        answer = reply.status, reply.read().decode()
        connection.close()
        return answer

    # --- fixtures -----------------------------------------------------------------------
    @staticmethod
    def body():
        with open(os.path.join(SOURCE, 'examples/requests/tiny-mlp.json'), 'rb') as file:
            return file.read()

    def onnx(self, folder, name=None):
        """A folder of the tiny ONNX model under the file root; its file:// address."""
        path = os.path.join(self.models, folder)
        os.makedirs(os.path.join(path, '1'))
        shutil.copy(os.path.join(SOURCE, 'examples/models/tiny-mlp.onnx'), os.path.join(path, '1', 'model.onnx'))
        if name:
            with open(os.path.join(path, 'config.pbtxt'), 'w', encoding='utf-8') as file:
                file.write(f'name: "{name}"\nplatform: "onnxruntime_onnx"\n')
        return f'file://{path}'

    def broken(self, folder):
        path = os.path.join(self.models, folder, '1')
        os.makedirs(path)
        with open(os.path.join(path, 'model.onnx'), 'wb') as file:
            file.write(b'this is no model')
        return f'file://{os.path.dirname(path)}'

    # --- waiting and looking ------------------------------------------------------------
    def until(self, what, condition):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        self.fail(f'{what} within {SECONDS} s\n{self.logs()}')

    def condition(self, name, kind):
        for condition in self.get('tm', name).get('status', {}).get('conditions', []):
            if condition['type'] == kind:
                return condition
        return {}

    def pods(self):
        return [pod['metadata']['name'] for pod in
                json.loads(self.throng('get', 'pods', '-o', 'json'))['items']]

    def process(self, pod, what):
        """Its number; 0 while there is none."""
        try:
            with open(os.path.join(self.state, 'replicas/default', pod, f'{what}.process'), encoding='utf-8') as file:
                words = file.read().split()
        except FileNotFoundError:
            return 0
        return int(words[1]) if len(words) > 1 else 0

    def logs(self):
        text = ''
        for folder, _, names in os.walk(self.state):
            for name in names:
                if name.endswith(('.log', '.out')) and name != 'audit.log':
                    with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as file:
                        text += f'--- {name}\n{file.read()[-2000:]}\n'
        return text

    # --- tests --------------------------------------------------------------------------
    def test_a_second_up_is_refused_with_the_process_of_the_first(self):
        self.up()
        text = self.throng('up', '--state-dir', self.state, check=False)
        self.assertIn(f'another throng up (process {self.running["pid"]}) runs on this state directory', text)

    def test_the_state_directory_is_private(self):
        self.up()
        self.assertEqual(os.stat(self.state).st_mode & 0o777, 0o700)
        for name in ('kubeconfig', 'throng.db', 'pki/ca.key', 'pki/token'):
            self.assertEqual(os.stat(os.path.join(self.state, name)).st_mode & 0o777, 0o600, name)

    def test_killed_and_started_again_nothing_is_lost_and_nobody_waits(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a')))
        self.ready('tm/a')
        pod = self.pods()[0]
        server, agent = self.process(pod, 'server'), self.process(pod, 'agent')
        before = self.get('tm', 'a')
        load = Load(self.running['ingress'], '/v2/models/a/infer', self.body())
        load.start()
        os.kill(self.running['pid'], signal.SIGKILL)
        self.until('down', lambda: 'no throng up runs' in self.throng('status', '--state-dir', self.state, check=False))
        self.assertEqual(self.infer('a')[0], 200)
        self.up()
        self.ready('tm/a')
        self.assertEqual(self.get('tm', 'a'), before)
        self.apply(model('b', self.onnx('b')))
        self.ready('tm/b')
        load.stop()
        self.assertEqual(load.failures, [])
        self.assertGreater(load.count, 10)
        self.assertEqual((self.process(pod, 'server'), self.process(pod, 'agent')), (server, agent))
        self.assertEqual(self.throng('logs', pod, '-c', 'kfserving-container').count('loading: a:1'), 1)

    def test_down_and_up_again_serves_what_was_applied(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a')))
        self.ready('tm/a')
        self.throng('down', '--state-dir', self.state)
        self.up()
        self.until('an answer', lambda: self.infer('a')[0] == 200)

    def test_objects_converge_in_any_order(self):
        self.up()
        self.apply(model('a', self.onnx('a')))
        self.until('a reason', lambda: self.condition('a', 'Ready').get('reason') == 'InferenceServiceNotFound')
        self.apply(SERVICE.format(replicas=1, memory='2Gi'))
        self.ready('tm/a')
        self.assertEqual(self.infer('a')[0], 200)

    def test_a_file_outside_of_the_roots_is_denied(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('secret', 'file:///etc'))
        condition = self.until('a reason', lambda: self.condition('secret', 'Downloaded').get('reason') == 'StorageDenied'
                               and self.condition('secret', 'Downloaded'))
        self.assertEqual(condition['status'], 'False')
        self.assertNotIn(self.state, json.dumps(self.get('tm', 'secret')['status']))

    def test_loopback_storage_is_denied_unless_it_is_allowed(self):
        archive = os.path.join(self.directory, 'a.tgz')
        self.onnx('a')
        with tarfile.open(archive, 'w:gz') as tar:
            tar.add(os.path.join(self.models, 'a', '1'), arcname='1')

        class Files(http.server.SimpleHTTPRequestHandler):
            def __init__(handler, *arguments):
                super().__init__(*arguments, directory=self.directory)

            def log_message(handler, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Files)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        port = server.server_address[1]
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', f'http://127.0.0.1:{port}/a.tgz'))
        self.until('a reason', lambda: self.condition('a', 'Downloaded').get('reason') == 'StorageDenied')
        self.throng('down', '--state-dir', self.state)
        shutil.rmtree(self.state)
        self.up('--allow-host', f'127.0.0.1:{port}')
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', f'http://127.0.0.1:{port}/a.tgz'))
        self.ready('tm/a')
        self.assertEqual(self.infer('a')[0], 200)

    def test_storage_that_is_away_is_told_and_tried_again(self):
        self.environment['STORAGE_EMULATOR_HOST'] = 'http://127.0.0.1:9'  # discard: nobody listens
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', 'gs://bucket/a'))
        condition = self.until('a reason', lambda: self.condition('a', 'Downloaded').get('reason') == 'StorageUnavailable'
                               and self.condition('a', 'Downloaded'))
        self.assertIn('next try at', condition['message'])
        self.assertIn('StorageUnavailable', self.throng('describe', 'tm', 'a'))

    def test_a_changed_address_under_load_good_and_broken(self):
        self.up()
        first, second, broken = self.onnx('a'), self.onnx('b'), self.broken('broken')
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('m', first))
        self.ready('tm/m')
        load = Load(self.running['ingress'], '/v2/models/m/infer', self.body())
        load.start()
        self.apply(model('m', second))
        self.until('the second', lambda: self.get('tm', 'm')['status'].get('observedGeneration') == 2
                   and self.condition('m', 'Loaded').get('status') == 'True')
        self.apply(model('m', broken))
        status = self.until('a failure', lambda: self.get('tm', 'm')['status']['modelStatus']['transitionStatus']
                            == 'BlockedByFailedLoad' and self.get('tm', 'm')['status'])
        self.assertEqual(status['servingStorageUri'], second)
        self.assertEqual(self.condition('m', 'Ready')['status'], 'True')
        self.assertEqual(self.condition('m', 'Loaded')['status'], 'False')
        self.apply(model('m', first))
        self.until('the first again', lambda: self.condition('m', 'Loaded').get('status') == 'True')
        load.stop()
        self.assertEqual(load.failures, [])
        self.assertGreater(load.count, 10)

    def test_two_replicas_one_killed_under_load(self):
        self.up()
        self.apply(SERVICE.format(replicas=2, memory='2Gi') + model('m', self.onnx('m')))
        self.until('two copies', lambda: self.get('tm', 'm').get('status', {}).get('copies', {}).get('readyCopies') == 2)
        load = Load(self.running['ingress'], '/v2/models/m/infer', self.body())
        load.start()
        for pod in self.pods():
            self.until('requests', lambda: load.count > 20)
            os.kill(self.process(pod, 'server'), signal.SIGKILL)
            self.until('one copy', lambda: self.get('tm', 'm')['status']['copies']['readyCopies'] == 1)
            self.until('two again', lambda: self.get('tm', 'm')['status']['copies']['readyCopies'] == 2)
        load.stop()
        # What a killed server was executing may have had an effect, and is not sent again.
        started = [failure for failure in load.failures if failure[0] == 502]
        self.assertEqual([failure for failure in load.failures if failure[0] != 502], [])
        self.assertLessEqual(len(started), 2)

    def test_a_killed_agent_comes_back_and_reloads_nothing(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a')))
        self.ready('tm/a')
        pod = self.pods()[0]
        before = self.process(pod, 'agent')
        os.kill(before, signal.SIGKILL)
        self.until('another agent', lambda: self.process(pod, 'agent') not in (0, before))
        self.apply(model('b', self.onnx('b')))
        self.ready('tm/b')
        self.assertEqual(self.infer('a')[0], 200)
        self.assertEqual(self.throng('logs', pod, '-c', 'kfserving-container').count('loading: a:1'), 1)

    def test_a_configuration_that_names_another_model_is_told(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a', name='other')))
        condition = self.until('a reason', lambda: self.condition('a', 'Loaded').get('reason') == 'ModelNameMismatch'
                               and self.condition('a', 'Loaded'))
        self.assertIn('other', condition['message'])
        self.assertIn('a', condition['message'])

    def test_more_than_a_hundred_models_also_after_a_restart_of_agent_and_server(self):
        self.up()
        uri = self.onnx('tiny')
        names = [f'm{number:03}' for number in range(150)]
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + ''.join(model(name, uri) for name in names))
        self.throng('wait', '--for=condition=Ready', 'tm', '--all', f'--timeout={2 * SECONDS}s')
        pod = self.pods()[0]
        os.kill(self.process(pod, 'agent'), signal.SIGKILL)
        os.kill(self.process(pod, 'server'), signal.SIGKILL)
        self.until('answers', lambda: all(self.infer(name)[0] == 200 for name in (names[0], names[-1])))
        self.until('all ready', lambda: all(
            item['status']['copies']['readyCopies'] == 1 for item in
            json.loads(self.throng('get', 'tm', '-o', 'json'))['items']))

    def test_an_unknown_argument_is_named(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi').replace('    triton:', '    triton:\n      args: [--no-such-flag]'))
        self.until('a reason', lambda: 'no-such-flag' in self.throng('describe', 'isvc', 'mms'))

    def test_deleting_takes_models_and_replicas_along(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a')) + model('b', self.onnx('b')))
        self.ready('tm/a', 'tm/b')
        pod = self.pods()[0]
        folder = os.path.join(self.state, 'replicas/default', pod)
        self.throng('delete', 'tm', 'a')
        self.assertEqual(self.infer('a')[0], 404)
        self.assertFalse(os.path.exists(os.path.join(folder, 'models/a')))
        self.throng('delete', 'isvc', 'mms')
        self.until('no models', lambda: not json.loads(self.throng('get', 'tm', '-o', 'json'))['items'])
        self.until('no replica', lambda: not os.path.exists(folder))
        self.assertEqual(self.infer('b')[0], 404)

    def test_hosts_in_any_form(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a')))
        self.ready('tm/a')
        for host in ('mms.default.example.com', 'MMS.Default.example.com:80', 'mms.default.svc.cluster.local',
                     'mms.default.svc', 'mms.default'):
            self.assertEqual(self.infer('a', host)[0], 200, host)
        self.assertEqual(self.infer('a', 'other.default.example.com')[0], 404)

    def test_audit_holds_writes_and_no_bodies(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi'))
        with open(os.path.join(self.state, 'logs/audit.log'), encoding='utf-8') as file:
            text = file.read()
        self.assertTrue(re.search(r'"verb":"(create|patch)".*inferenceservices', text) or 'inferenceservices' in text)
        self.assertNotIn('2Gi', text)

    # --- what the person at the terminal sees -------------------------------------------
    def refused(self, *flags):
        """What `throng up` says when it cannot come up; it must end by itself, with status 1."""
        done = subprocess.run([os.path.join(BIN, 'throng'), 'up', '--state-dir', self.state, *flags],
                              env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stdout

    def test_what_keeps_it_from_coming_up_is_told(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            for flags in ((), ('--detach',)):
                self.assertIn(f'port {port} is already in use', self.refused('--ingress-port', str(port), *flags))
                self.assertIn(f'port {port} is already in use', self.refused('--api-port', str(port), *flags))
        nowhere = os.path.join(self.directory, 'none', 'file')
        self.assertIn('the kubeconfig', self.refused('--kubeconfig', nowhere))
        self.assertIn('the ports file', self.refused('--ports-file', nowhere))
        file = os.path.join(self.directory, 'file')
        open(file, 'w', encoding='utf-8').close()
        self.state = file
        self.assertIn(f'the state directory {file}', self.refused())
        self.state = os.path.join(self.directory, 'state')
        self.up()  # nothing of all that is left

    def test_the_gateway_keeps_its_port_when_it_is_killed(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi') + model('a', self.onnx('a')))
        self.ready('tm/a')
        with open(os.path.join(self.state, 'gateway/process'), encoding='utf-8') as file:
            first = int(file.read().split()[1])
        os.kill(first, signal.SIGKILL)

        def answers():
            try:
                return self.infer('a')[0] == 200
            except OSError:
                return False

        self.until('an answer on the same port', answers)
        self.assertIn(f':{self.running["ingress"]}', self.throng('env', '--state-dir', self.state).replace(
            'INGRESS_PORT=', ':'))

    def test_a_gateway_that_was_left_gives_way_to_another_port(self):
        self.up()
        os.kill(self.running['pid'], signal.SIGKILL)
        self.until('down', lambda: 'no throng up runs' in self.throng('status', '--state-dir', self.state, check=False))
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        self.up('--ingress-port', str(port))
        self.assertEqual(self.running['ingress'], port)
        self.assertEqual(self.infer('a')[0], 404)

    def test_status_and_statuses_tell_where_to_look(self):
        self.up()
        self.apply(SERVICE.format(replicas=1, memory='2Gi').replace('minReplicas: 1', 'minReplicas: 1\n    maxReplicas: 3')
                   + model('a', self.onnx('a')))
        self.ready('tm/a')
        for resource, name in (('isvc', 'mms'), ('tm', 'a')):
            line = self.get(resource, name)['status']['curl']
            self.assertIn(line, self.throng('describe', resource, name))
            done = subprocess.run(['sh', '-c', line + ' -sf -o /dev/null'], check=False, timeout=SECONDS)
            self.assertEqual(done.returncode, 0, line)
        self.assertIn('maxReplicas 3 has no effect yet', self.throng('describe', 'isvc', 'mms'))
        self.assertIn('AutoscalingUnavailable', self.throng('events'))
        self.assertEqual(self.infer('a')[0], 200)
        status = self.throng('status', '--state-dir', self.state)
        page = urllib.request.urlopen(re.search(r'http://\S+/metrics', status).group(), timeout=SECONDS).read().decode()
        self.assertIn('throng_gateway_replies_total{class="2xx"}', page)
        path = re.search(r'access log +(\S+)', status).group(1)

        def lines():
            with open(path, encoding='utf-8') as file:
                return [json.loads(line) for line in file if '/v2/models/a/infer' in line]

        line = self.until('a line of the access log', lambda: os.path.exists(path) and lines())[0]
        self.assertEqual((line['status'], line['method'], line['attempts']), (200, 'POST', 1))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_an_open_ingress_is_warned_of_and_the_api_always_wants_to_know_who(self):
        text = self.throng('up', '--detach', '--state-dir', self.state, '--api-address', '0.0.0.0',
                           '--ingress-address', '0.0.0.0', '--api-name', 'models.example.com')
        self.assertIn('warning: the ingress listens on 0.0.0.0, and requests need no key', text)
        self.assertIn('(TLS, certificate or token; on every address)', text)
        with open(os.path.join(self.state, 'logs/up.log'), encoding='utf-8') as file:
            self.assertIn('requests need no key', file.read())
        with open(os.path.join(self.state, 'up.json'), encoding='utf-8') as file:
            port = json.load(file)['api']
        authority = os.path.join(self.state, 'pki/ca.crt')
        context = ssl.create_default_context(cafile=authority)
        with context.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=SECONDS),
                                 server_hostname='models.example.com') as connection:
            connection.sendall(b'GET /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
            self.assertIn(b' 401 ', connection.recv(64))
        with socket.create_connection(('127.0.0.1', port), timeout=SECONDS) as plain:
            plain.sendall(b'GET /api/v1/namespaces HTTP/1.1\r\nHost: x\r\n\r\n')
            try:
                self.assertNotIn(b'HTTP/1.1 200', plain.recv(64))
            except ConnectionResetError:
                pass


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
