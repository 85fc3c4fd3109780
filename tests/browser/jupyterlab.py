"""A JupyterLab for a test: started as `make lab` starts it, with settings of its own, and ended again."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # every output stays in the page
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
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


@contextlib.contextmanager
def jupyterlab(tmp_path, name, text, *, settings=None, start=None):
    """The address of a JupyterLab on a folder with that notebook.

    Args:
      settings: more of them, by plugin.
      start: the arguments of Python that start another front end, to which the port and the folder are added.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for key, setting in (SETTINGS | (settings or {})).items():
        file = tmp_path / f"settings/{key}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(setting))
    (tmp_path / "work").mkdir()
    notebook = tmp_path / "work" / name
    notebook.write_text(text)
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "run", "IPYTHONDIR": "ipython"}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    variables = {key: str(tmp_path / folder) for key, folder in folders.items()}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = ["make", "start-lab", f"BIN={pathlib.Path(sys.executable).parent}", f"NOTEBOOK={notebook}"]
    command += [f"LAB_ARGS={' '.join([*LAB_ARGS, f'--port={port}'])}"]
    if start:
        command = [sys.executable, "-m", *(part.format(port=port, folder=notebook.parent) for part in start)]
    log = tmp_path / "lab.log"
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
        wait_until_up(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


def run_all(page, address, name, seconds):
    """Opens the notebook and runs all its cells."""
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-NotebookPanel-notebook .jp-Cell")
    run_cells(page, seconds)


def run_cells(page, seconds):
    """Runs all cells of the notebook that is open."""
    page.wait_for_function(KERNEL, timeout=60_000)
    page.evaluate(RUN_ALL)
    page.wait_for_function(ALL_RAN, timeout=1000 * seconds)  # the last one has begun
    page.wait_for_function(KERNEL, timeout=1000 * seconds)


ASK = """async (code) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({ code });
    let said = '';
    future.onIOPub = message => { if (message.header.msg_type === 'stream') said += message.content.text; };
    await future.done;
    return said.trim(); }"""


def kernel_says(page, expression, *, expected=None, seconds=20):
    """What the kernel prints; where something is expected, it may take its time, as the page's news do."""
    end = time.monotonic() + seconds
    while (said := page.evaluate(ASK, f"print({expression})")) != expected and expected and time.monotonic() < end:
        time.sleep(0.2)
    return said


def wait_until_up(port, server, log, seconds=90):
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
            return
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def stop(server):
    """Ends the processes that the server started, and those only."""
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(15)
