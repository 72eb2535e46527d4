"""Run a lesson in a kernel of its own, all cells sent at once, as a front end's Run All does."""

import json
import queue
import sys
import time

import nbformat
import psutil
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from lessons import cells_of
from machine import NO_PROXIES
from waiting import LONG

OUTPUTS = {"stream", "display_data", "execute_result", "error"}


def run_all(path, folder, python, seconds=150, **environment):
    """The code cells with what they put out, run by that Python in that folder and environment.

    `status` is each cell's, None where it was never answered. With them: the kernel's children
    that outlived it (lesson 13's Valkey ends with it), and whether it ended when asked to.
    """
    cells = [nbformat.from_dict(cell) for cell in cells_of(path, "code")]
    manager = _manager(python, folder.parent / "kernels")
    own = {"IPYTHONDIR": f"{folder}/../ipython"} | environment
    manager.start_kernel(cwd=folder, env=NO_PROXIES | own)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        kernel = psutil.Process(manager.provisioner.pid)
        _run_cells(client, cells, time.monotonic() + seconds)
        children = kernel.children(recursive=True)
        manager.request_shutdown()
        _, left = psutil.wait_procs([kernel], timeout=LONG)
        _, children = psutil.wait_procs(children, timeout=LONG)
        return cells, children, not left
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _manager(python, folder):
    if python == sys.executable:
        return KernelManager(kernel_name="python3")
    spec = json.loads(KernelSpecManager().get_kernel_spec("python3").to_json())
    spec["argv"][0] = str(python)
    (folder / "other").mkdir(parents=True)
    (folder / "other/kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)
    return KernelManager(kernel_name="other", kernel_spec_manager=specs)


def _run_cells(client, cells, deadline):
    sent = {}
    for cell in cells:
        cell.status = None
        sent[client.execute(cell.source, allow_stdin=False)] = cell
    busy = set(sent)
    try:
        while busy:
            message = client.get_iopub_msg(timeout=max(0, deadline - time.monotonic()))
            parent, content = message["parent_header"].get("msg_id"), message["content"]
            if content.get("execution_state") == "idle":
                busy.discard(parent)
            elif parent in sent and message["msg_type"] in OUTPUTS:
                sent[parent].outputs.append(nbformat.v4.output_from_msg(message))
        while not all(cell.status for cell in cells):
            reply = client.get_shell_msg(timeout=LONG)
            if cell := sent.get(reply["parent_header"]["msg_id"]):  # not wait_for_ready's
                cell.status = reply["content"]["status"]
    except queue.Empty:
        pass  # the cells without a status tell


def text_of(cell, name):
    """What a cell wrote to stdout or stderr."""
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == name)
