"""Serves a fakepve for one test and does what the test asks for on standard input.

The first line of standard input is the setup, every further line one request; each is answered by one line of JSON on
standard output. The server ends with its standard input.

Faults of the network between a client and the server are struck here as well: see `_answer`.

fakepve is a program of its own (AGPL-3.0-or-later) and is used unchanged. Two things it does not do are done here, because
without them no machine could be made: it takes `resize` without effect, and it ignores `import-from`, so that an imported
disk stays empty. What stands in for them is in `resize` and `import_size` below; a test that passes proves nothing about
those two routes beyond their parameters, which fakepve checks against the schema of Proxmox VE.
"""

import asyncio
import json
import shutil
import sys
import tempfile

from aiohttp import web
from fakepve import FakePve
from fakepve import server as fakepve_server
from fakepve.certs import make_cert
from fakepve.qemu import join_drive, split_drive

IMAGE_SIZE = '1246M'
MIB = {'K': 1 / 1024, 'M': 1, 'G': 1024, 'T': 1024 * 1024}


def in_mib(text):
    return float(text[:-1]) * MIB[text[-1]] if text and text[-1] in MIB else float(text or 0) / 1024 / 1024


class Served(FakePve):
    async def _answer(self, request, handler, generic, path_node):
        """Strikes the first fault that is meant for this request: a status of somebody in between, a connection that ends
        before or after the change, half an answer."""
        fault = next((f for f in self.faults if f['method'] == request.method and request.path.endswith(f['path'])), None)
        if fault is None:
            return await super()._answer(request, handler, generic, path_node)
        self.faults.remove(fault)
        self.struck += 1
        if fault['kind'] == 'status':
            return web.Response(status=fault['status'], reason=fault.get('reason'), headers=fault.get('headers'))
        if fault['kind'] == 'drop-before':
            request.transport.abort()
            raise asyncio.CancelledError('dropped before')
        if fault['kind'] == 'finish':
            # The tasks that are held up end before this request is looked at.
            self.hold = False
            while any(task['status'] == 'running' for task in self.tasklog):
                await asyncio.sleep(0.01)
            return await super()._answer(request, handler, generic, path_node)
        response = await super()._answer(request, handler, generic, path_node)
        if fault['kind'] == 'drop-after':
            request.transport.abort()
            raise asyncio.CancelledError('dropped after')
        if fault['kind'] == 'truncate':
            half = web.StreamResponse(status=response.status, headers={'Content-Length': str(len(response.body))})
            await half.prepare(request)
            await half.write(response.body[:len(response.body) // 2])
            request.transport.abort()
            raise asyncio.CancelledError('truncated')
        raise ValueError('unknown fault {0}'.format(fault['kind']))

    def import_size(self, config):
        for key, value in list(config.items()):
            volume, props = split_drive(str(value))
            if 'import-from' in props:
                props.pop('import-from')
                props['size'] = IMAGE_SIZE
                config[key] = join_drive(volume, props)

    async def task(self, node, ttype, tid, user, body, vm=None, lock=True, log=()):
        async def wrapped():
            note = await body()
            if vm is not None:
                self.import_size(vm.config)
            return note

        async def slow():
            await self.pause(self.task_secs)
            while self.hold:
                await asyncio.sleep(0.01)
            return await wrapped()
        return await super().task(node, ttype, tid, user, slow, vm=vm, lock=lock, log=log)

    # PVE seconds that every task takes, whether tasks wait (with a time scale above 0), and the failure of every start.
    task_secs = 0
    hold = False
    start_error = None

    async def _do_start(self, vm, user, p):
        vm.start_error = self.start_error
        return await super()._do_start(vm, user, p)

    def _routes_qemu(self):
        routes = super()._routes_qemu()
        return routes + [('PUT', '/nodes/{node}/qemu/{vmid}/resize', self.resize)]

    async def resize(self, v, user):
        vm = self.find(v['node'], v['vmid'])
        self.require(user, '/vms/{0}'.format(vm.vmid), 'VM.Config.Disk')

        async def body():
            volume, props = split_drive(vm.config[v['disk']])
            if in_mib(v['size']) < in_mib(props.get('size')):
                raise fakepve_server.TaskError('shrinking disks is not supported')
            props['size'] = v['size']
            vm.config[v['disk']] = join_drive(volume, props)
        return await self.task(vm.node, 'resize', vm.vmid, user, body, vm=vm)


def vm_view(vm):
    return {'vmid': vm.vmid, 'name': vm.name, 'node': vm.node, 'status': vm.status, 'lock': vm.lock,
            'config': {k: str(v) for k, v in vm.config.items()}}


def setup(pve, options):
    for node in options.get('nodes', []):
        pve.add_node(node)
    for name, store in options.get('storages', {}).items():
        pve.storages[name] = dict({'active': 1, 'files': set(), 'volumes': {}}, **store)
    for pool in options.get('pools', []):
        pve.pools[pool] = set()
    pve.apitokens.update(options.get('tokens', {}))
    pve.time_scale = options.get('time_scale', 0)
    pve.task_secs = options.get('task_secs', 0)
    pve.hold = options.get('hold', False)
    pve.faults = []
    pve.struck = 0


async def act(pve, request):
    """One request of the test: an attribute, a method, or the state."""
    kind = request['do']
    if kind == 'set':
        setattr(pve, request['name'], request['value'])
    elif kind == 'call':
        found = getattr(pve, request['name'])(*request.get('args', []), **request.get('kwargs', {}))
        if asyncio.iscoroutine(found):
            await found
    elif kind == 'vm':
        vm = pve.add_vm(**request['vm'])
        vm.agent = request.get('agent')
    elif kind == 'edit':
        vm = pve.vm(request['vmid'])
        vm.config.update(request.get('config', {}))
        for name, value in request.get('set', {}).items():
            setattr(vm, name, value)
    elif kind == 'fault':
        pve.faults.append(request['fault'])
    elif kind == 'forget-tickets':
        pve.tickets.clear()
    elif kind == 'volume':
        pve.storages[request['storage']]['volumes'][request['name']] = request['volume']
    elif kind != 'state':
        raise ValueError('unknown request {0}'.format(kind))
    return {'struck': pve.struck, 'vms': [vm_view(vm) for vm in pve.vms],
            'tasks': [dict(t, log=list(t['log'])) for t in pve.tasklog],
            'requests': [[m, p, b.decode(errors='replace')] for m, p, b in pve.requests],
            'volumes': {n: sorted(s.get('volumes', {})) for n, s in pve.storages.items()}}


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    options = json.loads(await lines.readline())
    pve = Served(host='127.0.0.1', port=0, password=options.get('password', 'secret'))
    setup(pve, options)
    tmp = tempfile.mkdtemp(prefix='fakepve-')
    try:
        cert, key, _ = make_cert(tmp, hosts=('127.0.0.1',))
        await pve.start(cert, key)
        ca = open(cert).read()
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    print(json.dumps({'port': pve.port, 'ca': ca}), flush=True)
    while True:
        line = await lines.readline()
        if not line:
            return
        try:
            answer = await act(pve, json.loads(line))
        except Exception as e:  # noqa: BLE001 - the test says what it did wrong
            answer = {'error': '{0}: {1}'.format(type(e).__name__, e)}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    asyncio.run(main())
