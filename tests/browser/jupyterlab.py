"""A JupyterLab of its own for a test, as `make lab` starts it, and what is asked of the page that shows it."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every output stays in the page
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
LAB_ARGS = [
    "--no-browser",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=",
]

RUN_ALL = "() => { jupyterapp.commands.execute('notebook:run-all-cells') }"
KERNEL = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
ALL_RAN = """() => [...jupyterapp.shell.currentWidget.content.model.cells].every(
    cell => cell.type !== 'code' || !cell.sharedModel.source.trim() || cell.executionCount)"""
OUTPUTS = """() => [...jupyterapp.shell.currentWidget.content.model.cells].flatMap(
    cell => cell.type === 'code' ? cell.outputs.toJSON() : [])"""
ASK = """async (code) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code});
    let text = '';
    future.onIOPub = ({header, content}) => {
        if (header.msg_type === 'stream') text += content.text;
        if (header.msg_type === 'error') text += content.ename + ': ' + content.evalue;
    };
    await future.done;
    return text.trim(); }"""


@contextlib.contextmanager
def lab_with(notebook: pathlib.Path, folder: pathlib.Path):
    """The address of a JupyterLab on a notebook, with settings of its own in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, setting in SETTINGS.items():
        file = folder / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(setting))
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "run", "IPYTHONDIR": "ipython"}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    variables = {name: str(folder / part) for name, part in folders.items()}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = ["make", "start-lab", f"BIN={pathlib.Path(sys.executable).parent}", f"NOTEBOOK={notebook}"]
    command += [f"LAB_ARGS={' '.join([*LAB_ARGS, f'--port={port}'])}"]
    log = folder / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | variables | {"JUPYTER_PREFER_ENV_PATH": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/api/status", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(server)


def run_all(page, address, notebook, timeout=480_000):
    """Opens the notebook, runs every cell and waits until all have run; fails where one raises."""
    page.goto(f"{address}/lab/tree/{notebook.name}?reset")
    page.wait_for_selector(".jp-NotebookPanel-notebook .jp-Cell")
    page.wait_for_function(KERNEL, timeout=60_000)
    page.evaluate(RUN_ALL)
    page.wait_for_function(ALL_RAN, timeout=timeout)
    shoot(page, f"lab_{notebook.stem}_end")
    assert not [o["ename"] + ": " + o["evalue"] for o in page.evaluate(OUTPUTS) if o["output_type"] == "error"]


def shoot(page, name):
    """A screenshot, where VIVIT_EDU_SHOTS names a folder."""
    if folder := os.environ.get("VIVIT_EDU_SHOTS"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(pathlib.Path(folder) / f"{name}.png"))


def _wait_until_up(address, server, log, seconds=90):
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _stop(server):
    """Ends the processes that the server started, and those only."""
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(15)
