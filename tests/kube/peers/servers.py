"""The two API servers that are compared, each a set of processes in a private folder, on free ports.

    with Ours(bin_directory, folder) as server:
        server.kubeconfig('case-a')     # a file: administrator, with that namespace; context "viewer" too
"""
import json
import os
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

START_SECONDS = 60
VIEWERS = 'throng.dev:viewers'


def free_ports(count):
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def openssl(*words, text=None):
    subprocess.run(['openssl', *words], check=True, input=text, text=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def signed(folder, name, subject, authority, key):
    """A client certificate; its two files."""
    out = os.path.join(folder, name)
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{out}.key', '-out', f'{out}.csr',
            '-subj', subject)
    with open(f'{out}.ext', 'w', encoding='utf-8') as file:
        file.write('extendedKeyUsage=clientAuth\n')
    openssl('x509', '-req', '-in', f'{out}.csr', '-CA', authority, '-CAkey', key, '-CAcreateserial',
            '-out', f'{out}.crt', '-days', '1', '-extfile', f'{out}.ext')
    return f'{out}.crt', f'{out}.key'


class Server:
    """What both have in common: where they are, and who asks them."""

    def __init__(self, folder):
        self.folder = folder
        self.url = ''
        self.users = {}
        self.processes = []

    def kubeconfig(self, name_space):
        path = os.path.join(self.folder, f'kubeconfig-{name_space}')
        cluster = {'server': self.url, 'insecure-skip-tls-verify': True}
        contexts = [{'name': user, 'context': {'cluster': 'c', 'user': user, 'namespace': name_space}}
                    for user in self.users]
        config = {'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'administrator',
                  'clusters': [{'name': 'c', 'cluster': cluster}], 'contexts': contexts,
                  'users': [{'name': name, 'user': user} for name, user in self.users.items()]}
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(config, file)
        return path

    def start(self, *command):
        log = open(os.path.join(self.folder, os.path.basename(command[0]) + '.log'), 'wb')
        with log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self.processes.append(process)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self):
        try:
            self.run()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()


class Ours(Server):
    """`throng up`, with all its controllers."""
    name = 'throng'

    def __init__(self, binaries, folder):
        super().__init__(folder)
        self.program = os.path.join(binaries, 'throng')
        self.state = os.path.join(folder, 'state')

    def run(self):
        self.throng('up', '--detach', '--state-dir', self.state)
        with open(os.path.join(self.state, 'up.json'), encoding='utf-8') as file:
            self.url = f'https://127.0.0.1:{json.load(file)["api"]}'
        pki = os.path.join(self.state, 'pki')
        with open(os.path.join(pki, 'token'), encoding='utf-8') as file:
            self.users['administrator'] = {'token': file.read().strip()}
        certificate, key = signed(self.folder, 'viewer', f'/O={VIEWERS}/CN=viewer', os.path.join(pki, 'ca.crt'),
                                  os.path.join(pki, 'ca.key'))
        self.users['viewer'] = {'client-certificate': certificate, 'client-key': key}
        self.users['stranger'] = {'token': 'of-nobody'}

    def throng(self, *words):
        environment = {'PATH': '/usr/bin:/bin', 'HOME': self.folder}
        done = subprocess.run([self.program, *words], env=environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=2 * START_SECONDS, check=False)
        if done.returncode != 0:
            raise RuntimeError(f'throng {words[0]}: {done.stdout}')

    def stop(self):
        if os.path.exists(os.path.join(self.state, 'up.json')):
            self.throng('down', '--state-dir', self.state)


class Real(Server):
    """etcd, kube-apiserver, and of the controllers those for garbage, namespaces and service accounts."""
    name = 'kubernetes'
    programs = ['etcd', 'kube-apiserver', 'kube-controller-manager']
    token = 'administrator-of-this-test'

    def __init__(self, binaries, folder):
        super().__init__(folder)
        self.binaries = binaries

    @classmethod
    def missing(cls, binaries):
        return [name for name in cls.programs if not os.access(os.path.join(binaries, name), os.X_OK)]

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self):
        etcd, peer, api = free_ports(3)
        self.url = f'https://127.0.0.1:{api}'
        self.users = {'administrator': {'token': self.token}, 'viewer': {'token': 'viewer-of-this-test'},
                      'stranger': {'token': 'of-nobody'}}
        openssl('genrsa', '-out', self.path('sa.key'), '2048')
        openssl('rsa', '-in', self.path('sa.key'), '-pubout', '-out', self.path('sa.pub'))
        with open(self.path('tokens.csv'), 'w', encoding='utf-8') as file:
            file.write(f'{self.token},administrator,1,"system:masters"\n')
            file.write(f'viewer-of-this-test,viewer,2,"{VIEWERS}"\n')
        client, between = f'http://127.0.0.1:{etcd}', f'http://127.0.0.1:{peer}'
        self.start(os.path.join(self.binaries, 'etcd'), '--data-dir', self.path('etcd'),
                   '--listen-client-urls', client, '--advertise-client-urls', client,
                   '--listen-peer-urls', between, '--initial-advertise-peer-urls', between,
                   '--initial-cluster', f'default={between}', '--unsafe-no-fsync')
        self.start(os.path.join(self.binaries, 'kube-apiserver'), f'--etcd-servers={client}',
                   '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', f'--secure-port={api}',
                   f'--cert-dir={self.path("certificates")}', f'--token-auth-file={self.path("tokens.csv")}',
                   '--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/16',
                   '--service-account-issuer=https://kubernetes.default.svc',
                   f'--service-account-key-file={self.path("sa.pub")}',
                   f'--service-account-signing-key-file={self.path("sa.key")}',
                   '--disable-admission-plugins=ServiceAccount', '--endpoint-reconciler-type=none')
        self.wait_until_ready()
        self.start(os.path.join(self.binaries, 'kube-controller-manager'),
                   '--kubeconfig=' + self.kubeconfig('default'), '--leader-elect=false', '--bind-address=127.0.0.1',
                   f'--secure-port={free_ports(1)[0]}',
                   '--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller')
        self.allow_viewers()

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method,
                                         headers={'Authorization': f'Bearer {self.token}',
                                                  'Content-Type': 'application/json'},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=30) as reply:
                return json.load(reply) if method != 'GET' or 'openapi' in path else reply.read()
        except urllib.error.HTTPError as refused:
            if refused.code < 500:
                raise RuntimeError(f'{method} {path}: {refused.read().decode()[:2000]}') from refused
            raise

    def wait_until_ready(self):
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.call('GET', '/readyz')
            except (OSError, RuntimeError):
                if time.monotonic() > end or self.processes[-1].poll() is not None:
                    raise
                time.sleep(0.1)

    def allow_viewers(self):
        """The role that viewers have with us: all reading, but for secrets."""
        resources = [{'apiGroups': [''], 'resources': ['configmaps', 'events', 'namespaces', 'pods', 'pods/log',
                                                       'services', 'serviceaccounts']},
                     {'apiGroups': ['serving.kubeflow.org', 'serving.kserve.io', 'batch', 'coordination.k8s.io',
                                    'events.k8s.io'], 'resources': ['*']}]
        group = 'rbac.authorization.k8s.io'
        self.call('POST', f'/apis/{group}/v1/clusterroles', {
            'metadata': {'name': 'viewers'},
            'rules': [dict(rule, verbs=['get', 'list', 'watch']) for rule in resources] +
                     [{'nonResourceURLs': ['/metrics'], 'verbs': ['get']}]})
        self.call('POST', f'/apis/{group}/v1/clusterrolebindings', {
            'metadata': {'name': 'viewers'}, 'roleRef': {'apiGroup': group, 'kind': 'ClusterRole', 'name': 'viewers'},
            'subjects': [{'apiGroup': group, 'kind': 'Group', 'name': VIEWERS}]})


