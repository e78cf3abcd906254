#!/usr/bin/env python3
"""Storage that lies, breaks, hangs and goes away, under a whole `throng up` with its agent.

    storage_faults_test.py BIN_DIRECTORY STORAGE_STAND [unittest arguments]

STORAGE_STAND (tests/control/storage_stand.cc) is a bucket behind a fault proxy and web servers, with and without
TLS. Each fault is given to a model that serves already: its TrainedModel's status must say what is wrong, the
version before must go on answering, and when the fault is over the new version must come by itself.
"""
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

from plane import SOURCE, Load, Plane

BIN = STAND = ''
MODEL = os.path.join(SOURCE, 'examples/models/tiny-mlp.onnx')
DEADLINE = '5s'  # of one attempt to fetch and load


class Stand:
    def __init__(self, directory):
        self.directory = directory
        self.certificates = os.path.join(directory, 'certificates.pem')
        self.process = subprocess.Popen([STAND, self.certificates], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.addresses = json.loads(self.process.stdout.readline())

    def do(self, *words):
        self.process.stdin.write(' '.join(str(word) for word in words) + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer == 'ok' or answer.isdigit(), answer
        return answer

    def heal(self):
        self.do('spoil', 'list', 'none', 0, 0)
        self.do('spoil', 'media', 'none', 0, 0)
        self.do('proxy', 'none', 0, 0)

    def put_model(self, folder, bucket='bucket', version=1):
        self.do('put', bucket, f'{folder}/{version}/model.onnx', MODEL)
        return f'gs://{bucket}/{folder}'

    def page(self, path, content):
        name = os.path.join(self.directory, path.strip('/').replace('/', '_'))
        with open(name, 'wb') as file:
            file.write(content)
        self.do('page', path, name)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def archive(*members):
    """A .tgz of (name, content or TarInfo)."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode='w:gz') as tar:
        for name, content in members:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                tar.addfile(info)
    return text.getvalue()


def special(kind, target=''):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


class StorageFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='throng-stand-')
        cls.stand = Stand(cls.directory)
        hosts = cls.stand.addresses
        flags = [word for name in ('web', 'good', 'expired', 'other') for word in ('--allow-host', hosts[name])]
        cls.plane = Plane(BIN, flags, {'STORAGE_EMULATOR_HOST': 'http://' + hosts['proxy'],
                                       'SSL_CERT_FILE': cls.stand.certificates})
        cls.plane.up()
        cls.plane.create(cls.plane.service('mms'))
        cls.set_deadline(DEADLINE)
        cls.plane.create(cls.plane.model('steady', cls.plane.onnx('good')))
        cls.plane.until('the steady model is ready', lambda: cls.plane.is_ready('trainedmodels', 'steady')
                        and cls.plane.answers('steady'))
        cls.load = Load(cls.plane, 'steady')
        cls.load.start()

    @classmethod
    def tearDownClass(cls):
        cls.load.stop()
        cls.plane.close()
        cls.stand.close()
        shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def set_deadline(cls, text):
        path = '/api/v1/namespaces/knative-serving/configmaps/config-deployment'
        status, thing = cls.plane.call('GET', path)
        assert status == 200
        thing.setdefault('data', {})['progressDeadline'] = text
        status, reply = cls.plane.call('PUT', path, thing)
        assert status == 200, reply

    def setUp(self):
        self.stand.heal()
        self.load.take_failures()
        self.names = []

    def tearDown(self):
        self.stand.heal()
        # Whatever happened to others: nobody else noticed.
        self.assertEqual(self.load.take_failures(), [])
        self.assertTrue(self.plane.is_ready('trainedmodels', 'steady'))
        for name in self.names:
            self.plane.delete('trainedmodels', name)
        self.plane.until('gone', lambda: not any(self.plane.get('trainedmodels', name) for name in self.names))

    # --- steps ----------------------------------------------------------------------------------
    def serving(self, *names):
        """Models that answer with their first version."""
        for name in names:
            self.names.append(name)
            self.plane.create(self.plane.model(name, self.plane.onnx('good')))
        for name in names:
            self.plane.until(f'{name} is ready', lambda name=name: self.plane.is_ready('trainedmodels', name))

    def becomes_false(self, name, reasons, before='file://'):
        """The new version does not come, for one of these reasons; the one before answers. Its condition."""
        reasons = (reasons,) if isinstance(reasons, str) else reasons
        condition = self.plane.until(
            f'{name}: {reasons}',
            lambda: self.plane.condition('trainedmodels', name, 'Downloaded').get('reason') in reasons
            and self.plane.condition('trainedmodels', name, 'Downloaded'))
        self.assertEqual(condition['status'], 'False')
        status = self.plane.get('trainedmodels', name)['status']
        self.assertTrue(status['servingStorageUri'].startswith(before))
        self.assertEqual(self.plane.infer(name), 200)
        self.assertTrue(self.plane.is_ready('trainedmodels', name))
        for secret in (self.plane.state, self.stand.addresses['proxy'], 'hunter2'):
            self.assertNotIn(secret, json.dumps(status))
        return condition

    def becomes_true(self, name, uri):
        def has_it():
            thing = self.plane.get('trainedmodels', name)
            status = thing.get('status', {})
            truths = {condition['type']: condition['status'] for condition in status.get('conditions', [])}
            return (thing['metadata']['generation'] == status.get('observedGeneration')
                    and truths.get('Loaded') == 'True' and truths.get('Downloaded') == 'True'
                    and status.get('servingStorageUri') in (None, uri))

        self.plane.until(f'{name} has the new version', has_it)
        self.assertEqual(self.plane.infer(name), 200)

    def bytes_of(self, name):
        """Paths of the model's files as the replica has them, without what the agent adds."""
        directory = os.path.join(self.plane.replica_directory(self.plane.pods_of()[0]), 'models', name)
        return sorted(os.path.relpath(os.path.join(folder, file), directory)
                      for folder, _, files in os.walk(directory) for file in files if not file.startswith('SUCCESS.'))

    # --- where models may come from -------------------------------------------------------------
    def test_22_addresses_that_policy_refuses(self):
        web = self.stand.addresses['web']
        self.stand.do('redirect', '/to-metadata.tgz', 'http://169.254.169.254/latest/meta-data')
        self.stand.do('redirect', '/to-file.tgz', 'file:///etc/passwd')
        self.stand.do('redirect', '/to-loopback.tgz', 'http://127.0.0.1:9/x.tgz')
        uris = {'root': 'file:///etc', 'metadata': 'http://169.254.169.254/latest.tgz',
                'redirected': f'http://{web}/to-metadata.tgz', 'to-file': f'http://{web}/to-file.tgz',
                'to-loopback': f'http://{web}/to-loopback.tgz', 'loopback': 'http://127.0.0.1:9/x.tgz',
                'dots': f'file://{self.plane.models}/../state'}
        self.serving(*uris)
        for name, uri in uris.items():
            self.plane.set_uri(name, uri)
        for name in uris:
            self.becomes_false(name, 'StorageDenied')

    def test_22_addresses_that_are_refused_when_they_are_applied(self):
        for uri in ('http://user:hunter2@127.0.0.1/x.tgz', 's3://', 's3:///models', 'gs://', 'ftp://host/x',
                    'gs://b/../x'):
            thing = self.plane.model('refused', uri)
            status, reply = self.plane.call('POST', '/apis/serving.kubeflow.org/v1alpha1/namespaces/default/trainedmodels',
                                            thing)
            if status == 201:  # then its status says it
                self.names.append('refused')
                self.plane.until(f'{uri} is denied', lambda: self.plane.condition(
                    'trainedmodels', 'refused', 'Downloaded').get('reason') in ('StorageDenied', 'InvalidStorageUri'))
                self.plane.delete('trainedmodels', 'refused')
                self.plane.until('gone', lambda: self.plane.get('trainedmodels', 'refused') is None)
            else:
                self.assertIn(status, (403, 422), f'{uri}: {reply}')
            self.assertNotIn('hunter2', json.dumps(reply.get('message', '')))

    def test_23_a_prefix_ends_at_a_slash(self):
        uri = self.stand.put_model('models/user1')
        for other in ('models/user10', 'models/user1-x', 'models/user1.old'):
            self.stand.put_model(other, version=7)
        self.serving('prefix')
        self.plane.set_uri('prefix', uri)
        self.becomes_true('prefix', uri)
        self.assertEqual(self.bytes_of('prefix'), ['1/model.onnx'])

    def test_24_archives_and_keys_that_reach_outside(self):
        web = self.stand.addresses['web']
        with open(MODEL, 'rb') as file:
            good = ('1/model.onnx', file.read())
        outside = os.path.join(self.directory, 'outside')
        pages = {
            'dots': [good, ('../../../x', b'x')],
            'absolute': [good, (outside, b'x')],
            'symlink': [good, ('2', special(tarfile.SYMTYPE, '/etc'))],
            'hardlink': [good, ('1/other', special(tarfile.LNKTYPE, '1/model.onnx'))],
            'device': [good, ('zero', special(tarfile.CHRTYPE))],
            'pipe': [good, ('pipe', special(tarfile.FIFOTYPE))],
            'twice': [good, good],
            'case-twins': [good, ('1/MODEL.onnx', b'x')],
            'backslash': [good, ('..\\x', b'x')],
        }
        for name, members in pages.items():
            self.stand.page(f'/{name}.tgz', archive(*members))
        self.stand.page('/whole.tgz', archive(good))
        self.stand.page('/many.tgz', archive(good, *((f'1/{number}', b'') for number in range(100001))))
        self.stand.put_model('keys')
        self.stand.do('put', 'bucket', 'keys/%2e%2e/%2e%2e/x', MODEL)
        self.serving(*pages, 'keys', 'many')
        for name in (*pages, 'many'):
            self.plane.set_uri(name, f'http://{web}/{name}.tgz')
        self.plane.set_uri('keys', 'gs://bucket/keys')
        for name in (*pages, 'keys'):
            self.becomes_false(name, 'ModelRefused')
        # Which of the two comes first is the disk's speed.
        self.becomes_false('many', ('ModelTooLarge', 'DownloadTimeout'))
        self.assertFalse(os.path.exists(outside))
        replica = self.plane.replica_directory(self.plane.pods_of()[0])
        self.assertEqual([name for name in os.listdir(replica) if name == 'x'], [])
        # The same address, mended: nobody says anything more.
        self.stand.page('/dots.tgz', archive(good))
        self.becomes_true('dots', f'http://{web}/dots.tgz')

    # --- what comes -----------------------------------------------------------------------------
    def test_25_other_bytes_than_were_declared(self):
        self.serving('lies')
        for kind, number in (('flip', 100), ('longer', 10), ('shorter', 10), ('generation', 7)):
            with self.subTest(kind):
                uri = self.stand.put_model(f'lies-{kind}')
                self.stand.do('spoil', 'media', kind, number, 1)  # once: it is read again
                self.plane.set_uri('lies', uri)
                self.becomes_true('lies', uri)
                self.stand.do('spoil', 'media', kind, number, 0)
                self.plane.set_uri('lies', self.plane.onnx('good'))
                self.becomes_true('lies', self.plane.onnx('good'))
                uri = self.stand.put_model(f'lies-again-{kind}')
                self.plane.set_uri('lies', uri)
                self.becomes_false('lies', ('ChecksumMismatch', 'StorageUnavailable') if kind == 'shorter'
                                   else 'ChecksumMismatch')
                self.stand.heal()
                self.becomes_true('lies', uri)

    # --- how it comes ---------------------------------------------------------------------------
    def test_26_what_is_over_soon_is_not_seen(self):
        self.serving('shaken')
        for number, fault in enumerate((('spoil', 'media', 'status', 503, 3), ('spoil', 'media', 'status', 429, 2),
                                        ('spoil', 'list', 'status', 500, 2), ('proxy', 'reset', 1200, 2),
                                        ('proxy', 'close', 500, 2), ('proxy', 'reset', 0, 2))):
            with self.subTest(fault):
                uri = self.stand.put_model(f'shaken-{number}')
                self.stand.do(*fault)
                self.plane.set_uri('shaken', uri)
                self.becomes_true('shaken', uri)

    def test_26_what_is_not_over_is_told_and_others_proceed(self):
        self.serving('stuck', 'beside')
        for number, (fault, reasons) in enumerate((
                (('spoil', 'media', 'status', 503, 0), ('StorageUnavailable', 'DownloadTimeout')),
                (('spoil', 'media', 'status', 403, 0), 'StorageDenied'),
                (('spoil', 'list', 'status', 404, 0), 'StorageNotFound'),
                (('proxy', 'reset', 100, 0), ('StorageUnavailable', 'DownloadTimeout')),
                (('proxy', 'hang', 1200, 0), 'DownloadTimeout'),
                (('proxy', 'drip', 20, 0), 'DownloadTimeout'))):
            with self.subTest(fault):
                before = self.plane.get('trainedmodels', 'stuck')['spec']['model']['storageUri']
                uri = self.stand.put_model(f'stuck-{number}')
                self.stand.do(*fault)
                self.plane.set_uri('stuck', uri)
                beside = self.plane.onnx(f'beside-{number}')
                self.plane.set_uri('beside', beside)
                self.becomes_true('beside', beside)
                condition = self.becomes_false('stuck', reasons, before)
                self.assertIn('next try at', condition['message'])
                self.stand.heal()
                self.becomes_true('stuck', uri)

    def test_26_hosts_that_are_not_what_they_should_be(self):
        hosts = self.stand.addresses
        with open(MODEL, 'rb') as file:
            self.stand.page('/a.tgz', archive(('1/model.onnx', file.read())))
        self.stand.do('redirect', '/loop.tgz', f'http://{hosts["web"]}/loop.tgz')
        uris = {'loop': (f'http://{hosts["web"]}/loop.tgz', ('StorageUnavailable', 'StorageDenied', 'ModelRefused')),
                'no-host': ('https://no-such-host.invalid/a.tgz', 'StorageUnavailable'),
                'expired': (f'https://{hosts["expired"]}/a.tgz', 'StorageUntrusted'),
                'other': (f'https://{hosts["other"]}/a.tgz', 'StorageUntrusted'),
                'absent': (f'http://{hosts["web"]}/none.tgz', 'StorageNotFound')}
        self.serving(*uris, 'trusted')
        for name, (uri, _) in uris.items():
            self.plane.set_uri(name, uri)
        good = f'https://{hosts["good"]}/a.tgz'
        self.plane.set_uri('trusted', good)
        for name, (_, reasons) in uris.items():
            self.becomes_false(name, reasons)
        self.becomes_true('trusted', good)

    def test_27_storage_is_away_while_models_are_loaded(self):
        names = [f'away-{number}' for number in range(3)]
        self.serving(*names)
        uris = {name: self.stand.put_model(name) for name in names}
        for name, uri in uris.items():
            self.plane.set_uri(name, uri)
        for name, uri in uris.items():
            self.becomes_true(name, uri)
        self.stand.do('proxy', 'reset', 0, 0)
        pod = self.plane.pods_of()[0]
        loads = self.plane.loads_of_this_life(pod)
        # An agent, then a server, that start meanwhile go on with what is on disk.
        agent = self.plane.process_of('agent', pod)
        os.kill(agent, 9)
        self.plane.until('another agent', lambda: self.plane.process_of('agent', pod) not in (0, agent))
        for name in names:
            self.plane.until(f'{name} is ready', lambda name=name: self.plane.is_ready('trainedmodels', name))
            self.assertEqual(self.plane.infer(name), 200)
        self.assertEqual(self.plane.loads_of_this_life(pod), loads)
        self.load.stop()
        server = self.plane.process_of('serve', pod)
        os.kill(server, 9)
        self.plane.until('another server', lambda: self.plane.process_of('serve', pod) not in (0, server))
        for name in names:
            self.plane.until(f'{name} answers', lambda name=name: self.plane.answers(name))
        self.plane.until('ready', lambda: self.plane.is_ready('trainedmodels', 'steady') and self.plane.answers('steady'))
        type(self).load = Load(self.plane, 'steady')
        self.load.start()

    def test_28_no_room_on_the_disk(self):
        with tempfile.TemporaryDirectory(prefix='throng-small-') as small:
            mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small], check=False,
                                     stderr=subprocess.DEVNULL).returncode == 0
            if not mounted:
                self.skipTest('a small disk cannot be mounted here')
            plane = Plane(BIN, directory=os.path.join(small, 'p'))
            try:
                self.fill_and_free(plane)
            finally:
                plane.close()
                subprocess.run(['umount', small], check=True)

    def fill_and_free(self, plane):
        # The model's folder lies on the same small disk as the replica: the copy does not fit.
        plane.up()
        plane.create(plane.service('mms'))
        plane.create(plane.model('m', plane.onnx('good')))
        plane.until('ready', lambda: plane.is_ready('trainedmodels', 'm'))
        large = plane.onnx('large')
        with open(os.path.join(plane.models, 'large/1/notes.bin'), 'wb') as file:
            file.write(os.urandom(13 * 1024 * 1024))
        plane.set_uri('m', large)
        condition = plane.until('the disk is full', lambda: plane.condition('trainedmodels', 'm', 'Downloaded').get(
            'reason') == 'DiskFull' and plane.condition('trainedmodels', 'm', 'Downloaded'))
        self.assertEqual(condition['status'], 'False')
        self.assertEqual(plane.infer('m'), 200)
        replica = plane.replica_directory(plane.pods_of()[0])
        free = os.statvfs(replica)
        self.assertGreater(free.f_bavail * free.f_frsize, 4 * 1024 * 1024)  # what was fetched is removed
        # Room again: it goes on by itself.
        with open(os.path.join(plane.models, 'large/1/notes.bin'), 'wb') as file:
            file.write(b'small')
        plane.until('the new version', lambda: plane.condition('trainedmodels', 'm', 'Loaded').get('status') == 'True'
                    and plane.condition('trainedmodels', 'm', 'Downloaded').get('status') == 'True')
        self.assertEqual(plane.infer('m'), 200)


if __name__ == '__main__':
    BIN, STAND = (os.path.abspath(path) for path in sys.argv[1:3])
    del sys.argv[1:3]
    unittest.main(verbosity=2)
