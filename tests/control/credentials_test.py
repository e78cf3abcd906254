#!/usr/bin/env python3
"""Storage credentials from Secrets, with `throng up` as a process and stores that check them.

    credentials_test.py BIN_DIRECTORY [unittest arguments]

Applies the files of examples/storage/credentials/, with the stores' addresses and keys put in. versitygw and
azurite come from ./dev peers, and what needs one that is not there is skipped; Google's store, its token
server and a web server that wants a header are small ones of this test.
"""
import base64
import email.utils
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import unittest
import urllib.parse

from plane import SOURCE, Plane

BIN = ''
PEERS = os.environ.get('THRONG_PEERS') or os.path.join(
    os.environ.get('THRONG_CACHE') or os.path.expanduser('~/.cache/throng'), 'peers/bin')
EXAMPLES = os.path.join(SOURCE, 'examples/storage/credentials')
ONNX = os.path.join(SOURCE, 'examples/models/tiny-mlp.onnx')
KEY_ID, SECRET = 'AKTHRONGTEST', 'SKthrongtest0123456789secret'
AZURE_ACCOUNT = 'devstoreaccount1'
# The key that Azurite has for everybody.
AZURE_KEY = ('Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==')


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


class Server:
    """A small web server: `answer(handler)` for GET and POST."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):  # pylint: disable=invalid-name
                length = int(self.headers.get('Content-Length') or 0)
                self.body = self.rfile.read(length).decode()
                status, headers, body = answer(self)
                self.send_response(status)
                for name, value in {**headers, 'Content-Length': str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(body)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.host = f'127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def ranged(handler, content, headers):
    match = re.fullmatch(r'bytes=(\d+)-(\d*)', handler.headers.get('Range') or '')
    if not match:
        return 200, headers, content
    first, last = int(match[1]), int(match[2] or len(content) - 1)
    return 206, {**headers, 'Content-Range': f'bytes {first}-{last}/{len(content)}'}, content[first:last + 1]


class CredentialsTest(unittest.TestCase):
    def setUp(self):
        self.environment = {}
        self.plane = None

    def start(self, *flags):
        self.plane = Plane(BIN, flags, self.environment)
        self.addCleanup(self.plane.close)
        self.plane.up()

    # --- what a user does ---------------------------------------------------------------
    def throng(self, *words, text=None, check=True):
        done = subprocess.run([os.path.join(BIN, 'throng'), *words], input=text, text=True, timeout=120, check=False,
                              env={**self.plane.environment, 'KUBECONFIG': self.plane.running['kubeconfig']},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and done.returncode != 0:
            self.fail(f'throng {" ".join(words)}: {done.stdout}\n{self.plane.logs()}')
        return done.stdout

    def example(self, name, **changes):
        """A file of the examples, with texts of it replaced."""
        with open(os.path.join(EXAMPLES, name), encoding='utf-8') as file:
            text = file.read()
        for before, after in changes.items():
            before = before.replace('_', '-')
            self.assertIn(before, text)
            text = text.replace(before, after)
        return text

    def apply(self, text):
        return self.throng('apply', '-f', '-', text=text)

    def reason(self, name, reason):
        return self.plane.until(f'{name}: {reason}', lambda: self.is_reason(name, reason))

    def is_reason(self, name, reason):
        condition = self.plane.condition('trainedmodels', name, 'Downloaded')
        return condition if condition.get('reason') == reason else None

    def answers(self, name='tiny'):
        self.plane.until(f'{name} is ready', lambda: self.plane.is_ready('trainedmodels', name))
        self.assertEqual(self.plane.infer(name), 200)

    def assert_kept(self, *secrets):
        """None of them is seen anywhere but in the store's own database, however it may be spelled."""
        texts = {}
        for folder, _, names in os.walk(self.plane.directory):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith('throng.db') and os.path.isfile(path):
                    with open(path, 'rb') as file:
                        texts[path] = file.read()
        for pid, words in self.plane.processes():
            for name in ('cmdline', 'environ'):
                with open(f'/proc/{pid}/{name}', 'rb') as file:
                    texts[f'{words[0]} {name}'] = file.read()
        for kind in ('tm', 'isvc', 'events', 'modelassignments', 'pods'):
            texts[kind] = self.throng('get', kind, '-o', 'yaml').encode()
        for kind in ('tm', 'isvc', 'pods', 'secrets'):
            texts[f'describe {kind}'] = self.throng('describe', kind).encode()
        for secret in secrets:
            for form in (secret, base64.b64encode(secret.encode()).decode()):
                found = [name for name, text in texts.items() if form.encode() in text]
                self.assertEqual(found, [], 'a secret is where it must not be')

    def assert_no_core(self):
        """Of an agent that has credentials."""
        with open(f'/proc/{self.plane.process_of("agent")}/limits', encoding='utf-8') as file:
            self.assertRegex(file.read(), r'Max core file size +0 +0 ')

    # --- stores -------------------------------------------------------------------------
    def peer(self, name, *words, environment=None):
        program = os.path.join(PEERS, name)
        if not os.path.exists(program):
            self.skipTest(f'{name} is not there')
        process = subprocess.Popen([program, *words], env={'PATH': os.environ['PATH'], **(environment or {})},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def listens(self, port):
        def is_there():
            with socket.socket() as client:
                return client.connect_ex(('127.0.0.1', port)) == 0
        Plane.until(Nobody(), f'port {port}', is_there)

    def folder(self, name):
        path = os.path.join(SOURCE_OF_TEMPORARY.name, f'{self.id()}-{name}')
        os.makedirs(path)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def versity(self):
        """Its host:port; the bucket `models` holds `tiny`."""
        data, iam, port = self.folder('s3'), self.folder('iam'), free_port()
        os.makedirs(os.path.join(data, 'models/tiny/1'))
        shutil.copy(ONNX, os.path.join(data, 'models/tiny/1/model.onnx'))
        self.peer('versitygw', '--port', f'127.0.0.1:{port}', '--region', 'us-east-1', '--iam-dir', iam, 'posix', data,
                  environment={'ROOT_ACCESS_KEY': KEY_ID, 'ROOT_SECRET_KEY': SECRET})
        self.listens(port)
        return f'127.0.0.1:{port}'

    def s3(self, host, secret=SECRET):
        text = self.example('s3.yaml', your_access_key_id=KEY_ID, your_secret_access_key=secret)
        return text.replace('s3.example.com', host).replace('s3-usehttps: "1"', 's3-usehttps: "0"')

    def azurite(self):
        """Its port; the container `models` holds `tiny`."""
        port = free_port()
        self.peer('azurite-blob', '--blobHost', '127.0.0.1', '--blobPort', str(port), '--location',
                  self.folder('azure'), '--silent', '--skipApiVersionCheck')
        self.listens(port)
        self.azure_put(port, f'/{AZURE_ACCOUNT}/models', {'restype': 'container'}, b'', {})
        with open(ONNX, 'rb') as file:
            self.azure_put(port, f'/{AZURE_ACCOUNT}/models/tiny/1/model.onnx', {}, file.read(),
                           {'x-ms-blob-type': 'BlockBlob'})
        return port

    def azure_put(self, port, path, query, body, headers):
        headers = {**headers, 'x-ms-date': email.utils.formatdate(usegmt=True), 'x-ms-version': '2021-08-06'}
        canonical = ''.join(f'{name}:{value}\n' for name, value in sorted(headers.items()))
        resource = f'/{AZURE_ACCOUNT}{path}' + ''.join(f'\n{name}:{value}' for name, value in sorted(query.items()))
        length = str(len(body)) if body else ''
        text = f'PUT\n\n\n{length}\n' + '\n' * 8 + canonical + resource
        signature = hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()
        headers['Authorization'] = f'SharedKey {AZURE_ACCOUNT}:{base64.b64encode(signature).decode()}'
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        suffix = '?' + urllib.parse.urlencode(query) if query else ''
        connection.request('PUT', path + suffix, body, {**headers, 'Content-Length': str(len(body))})
        reply = connection.getresponse()
        self.assertEqual(reply.status, 201, reply.read())
        connection.close()

    # --- tests --------------------------------------------------------------------------
    def test_a_wrong_key_is_denied_and_the_right_one_is_tried_by_itself(self):
        host = self.versity()
        self.start('--allow-host', host)
        self.apply(self.s3(host, 'SKwrongwrongwrong'))
        condition = self.reason('tiny', 'StorageDenied')
        self.assertEqual(condition['status'], 'False')
        agent = self.plane.process_of('agent')
        self.apply(self.s3(host))
        self.answers()
        self.assertEqual(self.plane.process_of('agent'), agent, 'no restart was needed')
        self.assert_no_core()
        self.assert_kept(SECRET, 'SKwrongwrongwrong')

    def test_what_is_missing_is_named_and_waited_for(self):
        host = self.versity()
        self.start('--allow-host', host)
        secret, account, service, model = self.s3(host).split('\n---\n')
        self.apply('\n---\n'.join([service, model]))
        self.assertIn('"s3-reader"', self.reason('tiny', 'ServiceAccountNotFound')['message'])
        self.apply(account)
        self.assertIn('"s3-keys"', self.reason('tiny', 'SecretNotFound')['message'])
        self.apply(secret)
        self.answers()
        # What is served goes on, also over a restart of its agent.
        self.throng('delete', 'secret', 's3-keys')
        pod = self.plane.pods_of()[0]
        os.kill(self.plane.process_of('agent', pod), 9)
        self.plane.until('another agent', lambda: self.plane.process_of('agent', pod))
        self.assertEqual(self.plane.infer('tiny'), 200)
        self.assert_kept(SECRET)

    def test_an_endpoint_of_a_secret_may_not_be_private(self):
        self.start()
        self.apply(self.s3('127.0.0.1:9'))
        self.assertIn('private address', self.reason('tiny', 'StorageDenied')['message'])

    def test_the_storage_secret(self):
        host = self.versity()
        self.start('--allow-host', host)
        text = self.example('storage-config.yaml', your_access_key_id=KEY_ID, your_secret_access_key=SECRET,
                            your_other_secret_key='SKwrongwrongwrong')
        text = text.replace('https://s3.example.com', f'http://{host}')
        self.apply(text)
        self.answers()
        self.reason('tiny-other', 'StorageDenied')
        self.apply(text.replace('throng.dev/storage-key: other', 'throng.dev/storage-key: none'))
        self.assertIn('"none"', self.reason('tiny-other', 'StorageKeyNotFound')['message'])
        self.apply(text.replace('SKwrongwrongwrong', SECRET))
        self.answers('tiny-other')
        self.assert_kept(SECRET, 'SKwrongwrongwrong')

    def test_credentials_are_for_agents_only(self):
        self.start()
        self.apply(self.example('s3.yaml'))
        pod = self.plane.until('a pod', self.plane.pods_of)[0]
        path = f'/apis/throng.dev/v1alpha1/namespaces/default/replicas/{pod}/credentials'
        self.assertEqual(self.plane.call('GET', path)[0], 403)
        socket_path = os.path.join(self.plane.state, 'api.sock')
        self.assertEqual(os.stat(socket_path).st_mode & 0o777, 0o600)

    def test_a_service_account_of_google(self):
        key = os.path.join(self.folder('key'), 'key.pem')
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key],
                       check=True, stderr=subprocess.DEVNULL)
        public = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout'], check=True, stdout=subprocess.PIPE).stdout
        token, granted = 'ya29.secrettokenoftest', []
        with open(ONNX, 'rb') as file:
            model = file.read()

        def answer(handler):
            path, _, query = handler.path.partition('?')
            if path == '/token':
                assertion = urllib.parse.parse_qs(handler.body)['assertion'][0]
                if not self.is_signed(assertion, public):
                    return 401, {}, b'{"error":"invalid_grant"}'
                granted.append(assertion)
                return 200, {}, json.dumps({'access_token': token, 'expires_in': 3600}).encode()
            if handler.headers.get('Authorization') != f'Bearer {token}':
                return 401, {}, b'{}'
            name = 'tiny/1/model.onnx'
            if 'alt=media' in query:
                return ranged(handler, model, {'x-goog-generation': '1'})
            item = {'name': name, 'size': str(len(model)), 'generation': '1',
                    'md5Hash': base64.b64encode(hashlib.md5(model).digest()).decode()}
            return 200, {}, json.dumps({'items': [item]}).encode()

        google = Server(answer)
        self.addCleanup(google.close)
        self.environment['STORAGE_EMULATOR_HOST'] = f'http://{google.host}'
        self.start()
        with open(key, encoding='utf-8') as file:
            pem = file.read()
        text = self.example('gcs.yaml').replace('"your-private-key"', json.dumps(pem))
        text = text.replace('https://oauth2.googleapis.com/token', f'http://{google.host}/token')
        self.apply(text)
        self.answers()
        self.assertTrue(granted)
        self.assert_kept(token, pem.splitlines()[3])

    def is_signed(self, assertion, public):
        head, _, signature = assertion.rpartition('.')
        claims = json.loads(base64.urlsafe_b64decode(head.split('.')[1] + '=='))
        if claims['iss'] != 'reader@your-project.iam.gserviceaccount.com':
            return False
        folder = self.folder('signature')
        for name, content in (('key', public), ('text', head.encode()),
                              ('signature', base64.urlsafe_b64decode(signature + '=='))):
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(content)
        done = subprocess.run(['openssl', 'dgst', '-sha256', '-verify', 'key', '-signature', 'signature', 'text'],
                              cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder)
        return done.returncode == 0

    def test_an_account_of_azure(self):
        port = self.azurite()
        self.environment['AZURE_STORAGE_SERVICE_ENDPOINT'] = f'http://127.0.0.1:{port}'
        self.start()
        wrong = base64.b64encode(b'wrong' * 12).decode()
        text = self.example('azure.yaml').replace('youraccount', AZURE_ACCOUNT)
        self.apply(text.replace('your-account-key', wrong))
        self.reason('tiny', 'StorageDenied')
        self.apply(text.replace('your-account-key', AZURE_KEY))
        self.answers()
        self.assert_kept(AZURE_KEY, wrong)

    def test_a_principal_of_azure_is_said_to_be_unsupported(self):
        self.start()
        self.apply(self.example('azure.yaml').replace('AZURE_STORAGE_ACCESS_KEY: your-account-key',
                                                      'AZ_CLIENT_ID: id\n  AZ_CLIENT_SECRET: secret'))
        self.assertIn('AZ_CLIENT_ID', self.reason('tiny', 'CredentialsNotSupported')['message'])

    def test_headers_of_a_web_server(self):
        archive = os.path.join(self.folder('web'), 'tiny.tgz')
        with tarfile.open(archive, 'w:gz') as tar:
            tar.add(ONNX, arcname='1/model.onnx')
        with open(archive, 'rb') as file:
            content = file.read()

        def answer(handler):
            if handler.headers.get('Authorization') != 'Bearer tokenoftheweb':
                return 401, {}, b''
            return ranged(handler, content, {'ETag': '"1"', 'Content-Type': 'application/gzip'})

        web = Server(answer)
        self.addCleanup(web.close)
        self.start('--allow-host', web.host)
        text = self.example('https.yaml').replace('https://models.example.com', f'http://{web.host}')
        text = text.replace('models.example.com', '127.0.0.1')
        self.apply(text)
        self.reason('tiny', 'StorageDenied')
        self.apply(text.replace('your-token', 'tokenoftheweb'))
        self.answers()
        self.assert_kept('tokenoftheweb')

    def test_claims_are_directories(self):
        claim, outside = self.folder('claim'), self.folder('outside')
        for folder in (os.path.join(claim, 'tiny/1'), os.path.join(outside, '1')):
            os.makedirs(folder)
            shutil.copy(ONNX, os.path.join(folder, 'model.onnx'))
        os.symlink(outside, os.path.join(claim, 'link'))
        self.start('--pvc', f'models={claim}', '--pvc', f'elsewhere/theirs={claim}')
        text = self.example('pvc.yaml')
        self.apply(text)
        self.answers()
        for name, uri, reason, words in (
                ('unknown', 'pvc://unknown/tiny', 'StorageNotFound', '--pvc unknown=DIRECTORY'),
                ('theirs', 'pvc://theirs/tiny', 'StorageNotFound', '--pvc theirs=DIRECTORY'),
                ('link', 'pvc://models/link', 'StorageDenied', '')):
            self.apply(text.replace('name: tiny', f'name: {name}').replace('pvc://models/tiny', uri))
            condition = self.reason(name, reason)
            self.assertIn(words, condition['message'])
            self.assertNotIn(claim, condition['message'])

    def test_roles_of_a_cloud_are_ignored_aloud(self):
        self.start()
        text = self.example('s3.yaml').replace('  name: s3-reader\nsecrets:', '''  name: s3-reader
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::1:role/reader
secrets:''')
        self.apply(text)
        self.plane.until('an event', lambda: 'eks.amazonaws.com/role-arn' in self.throng('get', 'events'))


class Nobody:
    """Plane.until without a plane."""

    @staticmethod
    def logs():
        return ''


if __name__ == '__main__':
    import tempfile
    BIN = os.path.abspath(sys.argv.pop(1))
    SOURCE_OF_TEMPORARY = tempfile.TemporaryDirectory(prefix='throng-credentials-')  # pylint: disable=consider-using-with
    with SOURCE_OF_TEMPORARY:
        unittest.main()
