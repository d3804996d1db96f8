"""Leads one virtual machine through its life with proxmoxer, the client that most programs for Proxmox VE are built on, and
tells what it saw: one line of JSON for every step.

usage: life.py < ground.json      a Proxmox VE that runs already
       life.py --fakepve          an independent one (fakepve, AGPL-3.0-or-later, used unchanged), which is started here

A ground is {host, port, user, password, token, secret, ca, image}: `token` is the name of an API token, `image` a URL.
Whoever reads the lines of both compares them.
"""

import asyncio
import io
import json
import logging
import sys
import tempfile
import threading
import time

import requests
from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException

NODE = 'pve1'
MAC = 'BC:24:11:0A:0B:0C'
DISK = 'local-lvm:0,import-from=local:import/a.qcow2,discard=on,ssd=1'
MACHINE = {
    'name': 'demo', 'cores': 2, 'memory': 2048, 'cpu': 'host', 'balloon': 0, 'machine': 'q35', 'bios': 'ovmf',
    'efidisk0': 'local-lvm:0,efitype=4m,pre-enrolled-keys=0', 'scsihw': 'virtio-scsi-pci', 'scsi0': DISK,
    'net0': 'virtio=%s,bridge=vmbr0' % MAC, 'boot': 'order=scsi0', 'agent': '1', 'serial0': 'socket', 'ostype': 'l26',
    'tags': 'b;a', 'description': 'made by a test\nkey: value', 'onboot': 1,
    'smbios1': 'uuid=7a2a3f89-026f-46ea-a3b9-414a96cb3f5a', 'ide2': 'local:iso/a.iso,media=cdrom',
}


def shape(value):
    """The types of a value, without what it says."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    if value is None or isinstance(value, str):
        return 'nothing' if value is None else 'text'
    return 'number'


class Life(object):
    def __init__(self, ground):
        self.ground = ground
        self.url = 'https://{host}:{port}/api2/json'.format(**ground)
        common = dict(port=ground['port'], user=ground['user'], verify_ssl=ground['ca'], timeout=20)
        self.api = ProxmoxAPI(ground['host'], password=ground['password'], **common)
        self.by_token = ProxmoxAPI(ground['host'], token_name=ground['token'], token_value=ground['secret'], **common)
        self.node = self.api.nodes(NODE)

    def tell(self, step, **seen):
        print(json.dumps(dict(step=step, **seen)), flush=True)

    def see(self, step, call, *args, **params):
        """One call: what it gives, or how it is refused."""
        try:
            value = call(*args, **params)
        except ResourceException as refusal:
            errors = sorted(refusal.errors) if isinstance(refusal.errors, dict) else []
            self.tell(step, status=refusal.status_code, text=refusal.content.strip(), errors=errors)
            return None
        self.tell(step, status=200, shape=shape(value))
        return value

    def task(self, step, call, *args, **params):
        """One call that starts a task, followed to its end."""
        upid = self.see(step, call, *args, **params)
        if not isinstance(upid, str) or not upid.startswith('UPID:'):
            return
        deadline = time.monotonic() + 20
        while True:
            status = self.node.tasks(upid).status.get()
            if status['status'] != 'running':
                break
            if time.monotonic() > deadline:
                raise SystemExit('{0} does not end'.format(step))
            time.sleep(0.02)
        log = self.node.tasks(upid).log.get()
        self.tell(step + ' task', exit=status['exitstatus'], kind=upid.split(':')[5], shape=shape(status), log=shape(log))

    def raw(self, step, method, path, **kwargs):
        answer = requests.request(method, self.url + path, verify=self.ground['ca'], timeout=20, **kwargs)
        self.tell(step, status=answer.status_code, text=answer.reason)

    def strangers(self):
        ground = self.ground
        login = {'username': ground['user'], 'password': 'wrong'}
        self.raw('a wrong password', 'POST', '/access/ticket', data=login)
        self.raw('a wrong ticket', 'GET', '/version', cookies={'PVEAuthCookie': 'PVE:x@pam:00000000::wrong'})
        token = 'PVEAPIToken={0}!{1}=wrong'.format(ground['user'], ground['token'])
        self.raw('a wrong token', 'GET', '/version', headers={'Authorization': token})
        login['password'] = ground['password']
        ticket = requests.post(self.url + '/access/ticket', data=login, verify=ground['ca'], timeout=20).json()['data']
        self.tell('a login', status=200, shape=shape(ticket))
        self.raw('a change without its second proof', 'POST', '/nodes/%s/qemu' % NODE,
                 cookies={'PVEAuthCookie': ticket['ticket']}, data={'vmid': 900})
        self.see('a read by token', self.by_token.version.get)

    def looks(self):
        api, node = self.api, self.node
        self.see('version', api.version.get)
        permissions = api.access.permissions.get()
        self.tell('permissions', status=200, shape=shape(permissions['/']['VM.Allocate']))
        self.see('cluster', api.cluster.status.get)
        for kind in ('vm', 'node', 'storage'):
            self.see('resources ' + kind, api.cluster.resources.get, type=kind)
        self.see('a free id', api.cluster.nextid.get)
        self.see('an id that is taken', api.cluster.nextid.get, vmid=100)
        self.see('an id that is none', api.cluster.nextid.get, vmid=99)
        self.see('nodes', api.nodes.get)
        self.see('bridges', node.network.get, type='any_bridge')
        self.see('storages', node.storage.get)
        self.see('one storage', node.storage('local').status.get)
        self.see('no content', node.storage('local').content.get)
        self.see('no such storage', node.storage('none').content.get)
        self.see('no such node', api.nodes('none').qemu.get)
        self.see('pools', api.pools.get)
        self.see('leases', api.cluster.sdn.ipams('pve').status.get)

    def files(self):
        storage = self.node.storage('local')
        download = storage('download-url').post
        url = self.ground['image']
        self.task('a download', download, content='import', filename='a.qcow2', url=url)
        self.see('a download that no storage takes', self.node.storage('local-lvm')('download-url').post,
                 content='import', filename='a.qcow2', url=url)
        self.see('a download without a name', download, content='import', url=url)
        self.see('a download with a wrong name', download, content='import', filename='a.txt', url=url)
        self.see('what a URL has', self.node('query-url-metadata').get, url=url)
        iso = io.BytesIO(bytes(64 * 1024))
        iso.name = 'a.iso'
        self.task('an upload', storage.upload.post, content='iso', filename=iso)
        self.see('content', storage.content.get)
        self.see('content of a kind', storage.content.get, content='iso')
        self.see('one volume', storage.content('local:iso/a.iso').get)

    def machine(self):
        node, machine = self.node, self.node.qemu(101)
        self.see('a machine without id', node.qemu.post, name='x')
        self.see('a machine whose id is taken', node.qemu.post, vmid=100, name='x')
        self.see('a machine with wrong properties', node.qemu.post, vmid=101, name='x_y', bogus=1)
        self.see('a machine in no pool', node.qemu.post, vmid=101, name='x', pool='none')
        self.task('a machine from no image', node.qemu.post, vmid=102, name='x',
                  scsi0='local-lvm:0,import-from=local:import/none.qcow2')
        self.task('a machine', node.qemu.post, vmid=101, **MACHINE)
        config = self.see('its configuration', machine.config.get)
        same = ('name', 'cores', 'memory', 'cpu', 'balloon', 'machine', 'bios', 'scsihw', 'net0', 'boot', 'agent', 'serial0',
                'ostype', 'tags', 'description', 'onboot', 'smbios1', 'ide2')
        self.tell('its properties', values={key: config.get(key) for key in same})
        self.see('its disks', node.storage('local-lvm').content.get, vmid=101)
        self.task('a larger disk', machine.resize.put, disk='scsi0', size='20G')
        self.task('a smaller disk', machine.resize.put, disk='scsi0', size='1G')
        self.see('no such disk', machine.resize.put, disk='scsi7', size='20G')
        self.see('a machine that is stopped', machine.status.current.get)
        self.see('a shutdown of what is stopped', machine.status.shutdown.post)
        self.task('a start', machine.status.start.post)
        self.task('a second start', machine.status.start.post)
        self.see('a machine that runs', machine.status.current.get)
        self.see('machines of a node', node.qemu.get)
        self.see('an agent that is not there yet', machine.agent('network-get-interfaces').get)
        self.see('a change', machine.config.put, tags='c', delete='ide2')
        self.tell('the change', values={'tags': machine.config.get()['tags'], 'ide2': machine.config.get().get('ide2')})
        self.task('a change as a task', machine.config.post, tags='d')
        self.see('a deletion of what runs', machine.delete)
        self.task('a stop', machine.status.stop.post)
        self.task('a deletion', machine.delete, purge=1, **{'destroy-unreferenced-disks': 1})
        self.see('a second deletion', machine.delete)
        self.see('what is gone', machine.config.get)
        self.see('a change of what is gone', machine.config.put, tags='c')
        self.see('no disks', node.storage('local-lvm').content.get, vmid=101)

    def ends(self):
        storage = self.node.storage('local')
        self.task('a volume that goes', storage.content('local:iso/a.iso').delete)
        self.task('a volume that is gone', storage.content('local:iso/a.iso').delete)
        self.see('a task that is none', self.node.tasks('UPID:none').status.get)
        self.see('tasks', self.node.tasks.get)

    def run(self):
        self.strangers()
        self.looks()
        self.files()
        self.machine()
        self.ends()


def fakepve():
    """Starts one on an event loop in a thread of its own."""
    from fakepve import FakePve
    from fakepve.certs import make_cert
    folder = tempfile.mkdtemp(prefix='fakepve-')
    certificate, key, _ = make_cert(folder, hosts=('127.0.0.1',))
    pve = FakePve(user='root@pam', password='secret', host='127.0.0.1', port=0)
    pve.time_scale = 0
    pve.apitokens['root@pam!test'] = 'token-secret'
    pve.add_vm(100, 'foreign', node=NODE, status='running', config={'memory': '2048', 'cores': '2'})
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(pve.start(certificate, key), loop).result(30)
    ground = dict(host='127.0.0.1', port=pve.port, user='root@pam', password='secret', token='test', secret='token-secret',
                  ca=certificate, image='http://127.0.0.1:9/nocloud-amd64.qcow2')
    api = ProxmoxAPI(ground['host'], port=pve.port, user='root@pam', password='secret', verify_ssl=certificate)
    api.storage('local').put(content='iso,vztmpl,import')
    return ground


def main():
    # What goes wrong on purpose is no news.
    logging.disable(logging.CRITICAL)
    ground = fakepve() if sys.argv[1:] == ['--fakepve'] else json.load(sys.stdin)
    Life(ground).run()


if __name__ == '__main__':
    main()
