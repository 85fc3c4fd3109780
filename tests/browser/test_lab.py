"""The tour in JupyterLab, as `make lab` starts it, in a real browser: cells run, figures and clips show."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TOUR = ROOT / "notebooks" / "00_tour.ipynb"
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
FIGURES = """() => [...document.querySelectorAll('.js-plotly-plot')].map(figure => ({
    traces: figure._fullData?.length ?? 0,
    drawn: [...figure.querySelectorAll('.main-svg')].some(svg => svg.getBoundingClientRect().width > 0)}))"""
CLIPS = "() => [...document.querySelectorAll('video')].map(video => video.videoWidth)"
ALL_SHOWN = f"() => ({CLIPS})().every(Boolean) && ({FIGURES})().every(f => f.traces && f.drawn)"


def _shortened(notebook):
    """The tour with 40 steps of training: another test, and the book's build, run all of them."""
    return re.sub(r"steps=\d+", "steps=40", notebook)


@pytest.fixture
def lab(tmp_path, clips):
    """The address of a JupyterLab on a copy of the tour, with settings of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, setting in SETTINGS.items():
        file = tmp_path / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(setting))
    (tmp_path / "work").mkdir()
    notebook = tmp_path / "work" / TOUR.name
    notebook.write_text(_shortened(pathlib.Path(os.environ.get("VIVIT_EDU_TOUR", TOUR)).read_text()))
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "run", "IPYTHONDIR": "ipython"}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    variables = {name: str(tmp_path / folder) for name, folder in folders.items()}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = ["make", "start-lab", f"BIN={pathlib.Path(sys.executable).parent}", f"NOTEBOOK={notebook}"]
    command += [f"LAB_ARGS={' '.join([*LAB_ARGS, f'--port={port}'])}"]
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
        wait_until_up(f"http://127.0.0.1:{port}/api/status", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


def wait_until_up(address, server, log, seconds=90):
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
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


@pytest.mark.slow
def test_tour_runs_in_jupyterlab_and_shows_figures_and_clips(lab, open_page):
    page = open_page()
    page.goto(f"{lab}/lab/tree/{TOUR.name}?reset")
    page.wait_for_selector(".jp-NotebookPanel-notebook .jp-Cell")
    page.wait_for_function(KERNEL, timeout=60_000)
    page.evaluate(RUN_ALL)
    page.wait_for_function(ALL_RAN, timeout=480_000)  # the whole test took 212 s on busy cores
    shoot(page, "lab_tour_end")
    assert not [o["ename"] + ": " + o["evalue"] for o in page.evaluate(OUTPUTS) if o["output_type"] == "error"]
    shown = page.locator(".js-plotly-plot, video")
    for n in range(shown.count()):
        shown.nth(n).scroll_into_view_if_needed()
        shoot(page, f"lab_tour_{n:02}")
    figures, clips = page.evaluate(FIGURES), page.evaluate(CLIPS)
    assert figures and clips, "the tour shows at least one figure and one clip"
    page.wait_for_function(ALL_SHOWN, timeout=30_000)
    assert page.outside == []


def shoot(page, name):
    """A screenshot, where VIVIT_EDU_SHOTS names a folder."""
    if folder := os.environ.get("VIVIT_EDU_SHOTS"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(pathlib.Path(folder) / f"{name}.png"))
