"""The explorer in Notebook 7, the classic notebook, Voila and marimo, each where it is installed."""

import importlib.util

import numpy as np
import pytest
from browser import explorers
from browser.jupyterlab import jupyterlab

import vivit_edu as ve

pytest.importorskip("anywidget")
pytestmark = pytest.mark.slow
TILE = ".vivit-x-tile > .vivit-x-frame"
SERVER = [
    "--no-browser",
    "--ip=127.0.0.1",
    "--port={port}",
    "--allow-root",
    "--IdentityProvider.token=",
    "--notebook-dir={folder}",
]
MARIMO = """
import marimo
app = marimo.App()
@app.cell
def _():
    import numpy as np
    import vivit_edu as ve
    model = ve.pretrained.load("ViViT-nano/8x2 FE")
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    explorer = ve.explain.Explorer(model, frames, autoplay=False)
    explorer
    return
"""
STARTS = {
    "notebook": ["notebook", "{folder}", *SERVER, "--JupyterNotebookApp.expose_app_in_browser=True"],
    "nbclassic": ["nbclassic", "{folder}", *SERVER],
    "voila": ["voila", "{folder}/e.ipynb", "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1"],
    "marimo": [
        "marimo",
        "-q",
        "run",
        "{folder}/../e.py",
        "--headless",
        "--no-token",
        "--host=127.0.0.1",
        "--port={port}",
    ],
}
PATHS = {"notebook": "/notebooks/e.ipynb", "nbclassic": "/nbclassic/notebooks/e.ipynb", "voila": "/", "marimo": "/"}
RUN = {
    "notebook": "() => { jupyterapp.commands.execute('notebook:run-all-cells'); }",
    "nbclassic": "() => { Jupyter.notebook.execute_all_cells(); }",
}
READY = {
    "notebook": "() => globalThis.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
    "nbclassic": "() => globalThis.Jupyter?.notebook?.kernel?.is_connected() && Jupyter.notebook.get_cells().length",
}
CELLS = {
    "notebook": """() => { const { content } = jupyterapp.shell.currentWidget;
        return [content.activeCellIndex, content.mode, document.querySelectorAll('.jp-Dialog').length,
            content.widgets.map(({ model }) => [model.type, model.sharedModel.source, model.executionCount])]; }""",
    "nbclassic": """() => [Jupyter.notebook.get_selected_cells_indices(), Jupyter.notebook.mode,
        document.querySelectorAll('.modal-dialog').length,
        Jupyter.notebook.get_cells().map(cell => [cell.cell_type, cell.get_text(), cell.input_prompt_number ?? 0])]""",
}
KEYS = [*"abcdefghijklmnopqrstuvwxyz0123456789", *"d d 0 0 i i".split(), *"A B C D J K L M V X ? / , . [ ]".split()]
KEYS += [*"ArrowUp ArrowDown ArrowLeft ArrowRight Enter Shift+Enter Home End PageUp PageDown Space Backspace".split()]
KEYS += [*"Delete Shift+ArrowUp Shift+ArrowDown Control+Enter Alt+Enter Control+m".split()]
CONTROLS = [
    ":scope",
    ".vivit-x-button >> nth=3",
    "select >> nth=0",
    ".vivit-x-fields select >> nth=1",
    ".vivit-x-strength",
]
CONTROLS += [".vivit-x-file", "summary", ".vivit-x-switch >> nth=0"]


@pytest.fixture(scope="module", params=STARTS)
def front(request, open_lasting, tmp_path_factory):
    """A front end that shows an explorer: its page, and its name."""
    name = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    folder = tmp_path_factory.mktemp(name)
    (folder / "e.py").write_text(MARIMO)
    with jupyterlab(folder, "e.ipynb", explorers.notebook(explorers.SMALL), start=STARTS[name]) as address:
        page = open_lasting(viewport={"width": 1400, "height": 1300})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address + PATHS[name])
        if name in RUN:
            page.wait_for_function(READY[name], timeout=90_000)
            page.evaluate(RUN[name])
        page.wait_for_selector(".vivit-x-root", timeout=180_000)
        explorers.ask(page, "settled", 0)
        page.errors.clear()  # the host's own, of its start
        page.name = name
        yield page


def test_it_explores_knocks_out_and_plays(front):
    front.locator(TILE).nth(2).click(position={"x": 5, "y": 5})
    explorers.ask(front, "settled", 0)
    assert "time 2, row 0, column 0: in space, layer 2" in explorers.ask(front, "state", 0)["words"]
    front.locator(".vivit-x-knock summary").click()
    front.locator(".vivit-x-switch").nth(5).click()
    explorers.ask(front, "settled", 0)
    state = explorers.ask(front, "state", 0)
    assert state["pressed"].count(True) == 1 and explorers.ask(front, "disagreements", 0) == []
    front.get_by_role("button", name="play").click()
    clock = front.locator(".vivit-x-clock").inner_text()
    front.wait_for_function(
        "clock => explorers.rootOf(0).querySelector('.vivit-x-clock').innerText !== clock", arg=clock
    )
    front.get_by_role("button", name="pause").click()
    assert front.errors == []


def test_it_shows_a_film_of_ones_own(front, tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (24, 96, 128, 3), dtype=np.uint8)
    ve.data.write_clip(tmp_path / "mine.mp4", noise)
    front.set_input_files(".vivit-x-file", tmp_path / "mine.mp4")
    shows = "() => explorers.rootOf(0).querySelector('.vivit-x-notice').innerText.startsWith('Showing mine.mp4')"
    front.wait_for_function(shows, timeout=60_000)
    explorers.ask(front, "settled", 0)
    assert explorers.ask(front, "disagreements", 0) == [] and front.errors == []


def test_no_key_reaches_the_notebook_until_escape(front):
    if front.name not in CELLS:
        pytest.skip("it has no keys of its own")
    root = front.locator(".vivit-x-root").first
    for control in CONTROLS:
        node = root if control == ":scope" else root.locator(control)
        node.focus()
        before = front.evaluate(CELLS[front.name])
        for key in KEYS:
            node.focus()
            front.keyboard.press(key)
            assert front.evaluate(CELLS[front.name]) == before, (control, key)
    for control in (":scope", "select >> nth=0", ".vivit-x-switch >> nth=0"):
        (root if control == ":scope" else root.locator(control)).focus()
        count = len(front.evaluate(CELLS[front.name])[-1])
        front.keyboard.press("Escape")
        front.keyboard.press("b")
        assert len(front.evaluate(CELLS[front.name])[-1]) == count + 1, control
        front.keyboard.press("d")
        front.keyboard.press("d")
    assert front.errors == []


def test_what_a_reader_sees_is_the_explorer_and_no_still_beneath_it(front):
    assert not any(still.is_visible() for still in front.locator(".vivit-x-still").all())
