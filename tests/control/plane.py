"""A `throng up` of a test's own: started, asked over its API and its ingress, looked at from outside.

    plane = Plane(bin_directory)
    plane.up()
    plane.create(plane.service('mms'))
    plane.create(plane.model('m', plane.onnx('m')))
    plane.until('m is ready', lambda: plane.is_ready('trainedmodels', 'm'))
    plane.close()

The working directory of all its processes is `plane.directory`. Waits are for conditions, with a
deadline; nothing here sleeps for a time that something is hoped to take.
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = 60
POLL = 0.02
PATHS = {
    'configmaps': '/api/v1/namespaces/default/configmaps',
    'pods': '/api/v1/namespaces/default/pods',
    'secrets': '/api/v1/namespaces/default/secrets',
    'inferenceservices': '/apis/serving.kubeflow.org/v1beta1/namespaces/default/inferenceservices',
    'trainedmodels': '/apis/serving.kubeflow.org/v1alpha1/namespaces/default/trainedmodels',
}
RESOURCES = {'ConfigMap': 'configmaps', 'InferenceService': 'inferenceservices', 'TrainedModel': 'trainedmodels',
             'Secret': 'secrets'}
# What a call ends with when the other side is killed.
LOST = (OSError, http.client.HTTPException)


class Unexpected(AssertionError):
    """The plane did something else than it must."""


class Plane:
    def __init__(self, bin_directory, flags=(), environment=None, directory=None):
        self.throng_program = os.path.join(bin_directory, 'throng')
        self.directory = directory or tempfile.mkdtemp(prefix='throng-plane-')
        self.state = os.path.join(self.directory, 'state')
        self.models = os.path.join(self.directory, 'models')
        os.makedirs(self.models, exist_ok=True)
        self.flags = ['--file-root', self.models, '--drain-timeout', '5', *flags]
        self.environment = {'PATH': f'{bin_directory}:/usr/bin:/bin', 'HOME': self.directory, 'LANG': 'C.UTF-8',
                            **(environment or {})}
        self.process, self.running, self.connection = None, {}, None

    # --- its life -------------------------------------------------------------------------------
    def up(self):
        """Starts it, and returns when it says that it is up."""
        with open(os.path.join(self.directory, 'up.out'), 'ab') as output:
            self.process = subprocess.Popen(
                [self.throng_program, 'up', '--state-dir', self.state, *self.flags], cwd=self.directory,
                env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

        def is_up():
            if self.process.poll() is not None:
                return 'ended'
            with contextlib.suppress(OSError, ValueError):
                with open(os.path.join(self.state, 'up.json'), encoding='utf-8') as file:
                    self.running = json.load(file)
                return self.running['pid'] == self.process.pid
            return False

        self.forget_connection()
        if self.until('up', is_up) == 'ended':
            raise Unexpected(f'throng up ended with {self.process.returncode}\n{self.logs()}')

    def restart(self):
        self.process.wait(SECONDS)
        self.up()

    def close(self):
        self.forget_connection()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS)
        for pid, _ in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(SECONDS)
        shutil.rmtree(self.directory, ignore_errors=True)

    def processes(self):
        """(number, words) of all that run with this state directory."""
        found = []
        for name in os.listdir('/proc'):
            if not name.isdigit():
                continue
            with contextlib.suppress(OSError):
                with open(f'/proc/{name}/cmdline', encoding='utf-8', errors='replace') as file:
                    words = file.read().split('\0')
                if any(self.state in word for word in words):
                    found.append((int(name), words[1:-1]))
        return found

    def process_of(self, command, pod=''):
        """The number of the one `throng COMMAND` (of `pod`); 0 while there is none."""
        found = [pid for pid, words in self.processes()
                 if words[:1] == [command] and (not pod or any(f'/{pod}' in word for word in words))]
        if len(found) > 1:
            raise Unexpected(f'{len(found)} processes of throng {command} {pod}')
        return found[0] if found else 0

    # --- the API --------------------------------------------------------------------------------
    def forget_connection(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def credentials(self):
        """The authority's file, and a token."""
        with open(os.path.join(self.state, 'pki/token'), encoding='utf-8') as file:
            return os.path.join(self.state, 'pki/ca.crt'), file.read().strip()

    def call(self, method, path, body=None):
        """(status, object). Raises one of LOST when the API is lost."""
        authority, token = self.credentials()
        if self.connection is None:
            self.connection = http.client.HTTPSConnection('127.0.0.1', self.running['api'], timeout=SECONDS,
                                                          context=ssl.create_default_context(cafile=authority))
        headers = {'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'}
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = self.connection.getresponse()
            return reply.status, json.loads(reply.read() or b'{}')
        except LOST:
            self.forget_connection()
            raise

    def create(self, thing):
        """201, or 409 when it was there."""
        status, reply = self.call('POST', PATHS[RESOURCES[thing['kind']]], thing)
        if status not in (201, 409):
            raise Unexpected(f'create: {status} {reply}')
        return status

    def get(self, resource, name):
        status, thing = self.call('GET', f'{PATHS[resource]}/{name}')
        if status not in (200, 404):
            raise Unexpected(f'get {resource} {name}: {status} {thing}')
        return thing if status == 200 else None

    def list(self, resource):
        return self.call('GET', PATHS[resource])[1].get('items', [])

    def delete(self, resource, name):
        status, reply = self.call('DELETE', f'{PATHS[resource]}/{name}')
        if status not in (200, 202, 404):
            raise Unexpected(f'delete {resource} {name}: {status} {reply}')

    def set_uri(self, name, uri):
        """As `kubectl edit` would."""
        while True:
            thing = self.get('trainedmodels', name)
            thing['spec']['model']['storageUri'] = uri
            status, reply = self.call('PUT', f'{PATHS["trainedmodels"]}/{name}', thing)
            if status == 200:
                return
            if status != 409:
                raise Unexpected(f'update {name}: {status} {reply}')

    def condition(self, resource, name, kind):
        thing = self.get(resource, name) or {}
        for condition in thing.get('status', {}).get('conditions', []):
            if condition['type'] == kind:
                return condition
        return {}

    def is_ready(self, resource, name):
        return self.condition(resource, name, 'Ready').get('status') == 'True'

    # --- the ingress ----------------------------------------------------------------------------
    def infer(self, model, service='mms', timeout=SECONDS):
        connection = http.client.HTTPConnection('127.0.0.1', self.running['ingress'], timeout=timeout)
        with contextlib.closing(connection):
            connection.request('POST', f'/v2/models/{model}/infer', self.body(),
                               {'Host': f'{service}.default.example.com'})
            reply = connection.getresponse()
            reply.read()
            return reply.status

    def answers(self, model, service='mms'):
        with contextlib.suppress(*LOST):
            return self.infer(model, service) == 200
        return False

    @staticmethod
    def body():
        with open(os.path.join(SOURCE, 'examples/requests/tiny-mlp.json'), 'rb') as file:
            return file.read()

    # --- things ---------------------------------------------------------------------------------
    @staticmethod
    def service(name, replicas=1, memory='4Gi'):
        return {'apiVersion': 'serving.kubeflow.org/v1beta1', 'kind': 'InferenceService', 'metadata': {'name': name},
                'spec': {'predictor': {'minReplicas': replicas,
                                       'triton': {'resources': {'limits': {'cpu': '1', 'memory': memory}}}}}}

    @staticmethod
    def model(name, uri, service='mms', memory='1Mi', annotations=None):
        return {'apiVersion': 'serving.kubeflow.org/v1alpha1', 'kind': 'TrainedModel',
                'metadata': {'name': name, 'annotations': annotations or {}},
                'spec': {'inferenceService': service,
                         'model': {'framework': 'onnx', 'storageUri': uri, 'memory': memory}}}

    @staticmethod
    def note(name):
        return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': {'name': name}}

    def onnx(self, folder):
        """A folder of the tiny ONNX model under the file root; its file:// address."""
        path = os.path.join(self.models, folder)
        os.makedirs(os.path.join(path, '1'), exist_ok=True)
        shutil.copy(os.path.join(SOURCE, 'examples/models/tiny-mlp.onnx'), os.path.join(path, '1', 'model.onnx'))
        return f'file://{path}'

    def broken(self, folder):
        path = os.path.join(self.models, folder)
        os.makedirs(os.path.join(path, '1'), exist_ok=True)
        with open(os.path.join(path, '1', 'model.onnx'), 'wb') as file:
            file.write(b'this is no model')
        return f'file://{path}'

    # --- looking --------------------------------------------------------------------------------
    def pods_of(self, service='mms'):
        return [pod['metadata']['name'] for pod in self.list('pods')
                if pod['metadata']['labels'].get('serving.kubeflow.org/inferenceservice') == service
                and 'deletionTimestamp' not in pod['metadata']]

    def replica_directory(self, pod):
        return os.path.join(self.state, 'replicas/default', pod)

    def log_of(self, pod, name):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.replica_directory(pod), name), encoding='utf-8', errors='replace') as file:
                return file.read()
        return ''

    def loads_of_this_life(self, pod):
        """How often the model server that runs began to load each model: {name: count}."""
        life = self.log_of(pod, 'server.log').rpartition('] HTTP on ')[2]
        loads = {}
        for line in life.splitlines():
            if '] loading: ' in line:
                name = line.rpartition('loading: ')[2].rpartition(':')[0]
                loads[name] = loads.get(name, 0) + 1
        return loads

    def logs(self):
        text = ''
        for folder, _, names in os.walk(self.directory):
            for name in names:
                if name.endswith(('.log', '.out')) and name != 'audit.log':
                    with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as file:
                        text += f'--- {os.path.relpath(os.path.join(folder, name), self.directory)}\n'
                        text += file.read()[-2000:] + '\n'
        return text

    def statuses(self):
        """What TrainedModels say that are not as they should be."""
        text = ''
        with contextlib.suppress(*LOST):
            for thing in self.list('trainedmodels'):
                said = [f'{condition["type"]}={condition["status"]} {condition.get("reason", "")}'
                        f' {condition.get("message", "")}' for condition in thing.get('status', {}).get('conditions', [])
                        if condition['status'] != 'True']
                if said or not thing.get('status'):
                    text += f'{thing["metadata"]["name"]}: {"; ".join(said)}\n'
        return text[:3000]

    def until(self, what, condition, seconds=SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(POLL)
        raise Unexpected(f'not within {seconds} s: {what}\n{self.statuses()}\n{self.logs()}')


class Load(threading.Thread):
    """Asks for a model through the ingress, again and again, and keeps what was not 200."""

    def __init__(self, plane, model, service='mms', pause=0.005):
        super().__init__(daemon=True)
        self.plane, self.model, self.service, self.pause = plane, model, service, pause
        self.port, self.body = plane.running['ingress'], plane.body()
        self.done, self.count, self.failures = threading.Event(), 0, []

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=SECONDS)
        while not self.done.wait(self.pause):
            try:
                connection.request('POST', f'/v2/models/{self.model}/infer', self.body,
                                   {'Host': f'{self.service}.default.example.com'})
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != 200:
                    self.failures.append((reply.status, text.decode(errors='replace')[:200]))
            except LOST as error:
                self.failures.append((0, repr(error)))
                connection.close()
            self.count += 1
        connection.close()

    def take_failures(self):
        taken, self.failures = self.failures, []
        return taken

    def stop(self):
        self.done.set()
        self.join()
