"""The explorer in JupyterLab: with a kernel, without one, after a restart, and in a notebook that was only saved.

One JupyterLab serves all tests; those that end its kernel come last, and each makes sure of what it needs.
"""

import json
import pathlib
import random
import shutil
import time

import numpy as np
import pytest
from browser import explorers
from browser.jupyterlab import jupyterlab, kernel_says, run_all, run_cells

import vivit_edu as ve

pytest.importorskip("anywidget")
pytestmark = pytest.mark.slow
TILE, LARGE, SAID = ".vivit-x-tile > .vivit-x-frame", ".vivit-x-side > .vivit-x-frame", ".vivit-x-said > .vivit-x-live"
FIRST, SECOND, THIRD, ASKING = range(4)  # three cells of one explorer, and one whose model only a kernel runs
SAVES = {"@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True}}
CELLS = """() => { const { widgets } = jupyterapp.shell.currentWidget.content; return {
    cells: widgets.map(({ model }) => [model.id, model.type, model.sharedModel.source, model.executionCount ?? null]),
    hidden: widgets.map(({ inputHidden, outputHidden }) => [inputHidden, outputHidden]),
    chosen: widgets.map(cell => jupyterapp.shell.currentWidget.content.isSelectedOrActive(cell)),
    mode: jupyterapp.shell.currentWidget.content.mode, dialogs: document.querySelectorAll('.jp-Dialog').length }; }"""
SHUT = "() => jupyterapp.shell.currentWidget.sessionContext.shutdown()"
START = """async () => { const context = jupyterapp.shell.currentWidget.sessionContext;
    if (context.session) await context.session.kernel.restart(); else await context.startKernel(); }"""
FORGET = "() => [...jupyterapp.shell.currentWidget.content.model.cells].forEach(cell => cell.clearExecution?.())"
GONE = "The kernel that made this is gone; the model is too large to run in this page."
# All of its threads: newer Labs have a kernel hear widgets in one of their own.
BUSY = """(seconds) => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
    { code: `import ctypes; ctypes.PyDLL(None).sleep(${seconds})` }); }"""


class Lab:
    """A JupyterLab with the notebook open, and what its page has said of errors."""

    def __init__(self, page, address, folder):
        self.page, self.address, self.folder, self.errors = page, address, folder, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def ask(self, what, *given):
        return explorers.ask(self.page, what, *given)

    def root(self, number):
        return self.page.locator(".vivit-x-root").nth(number)

    def click(self, number, time, place=(5, 5), panel=0):
        tile = self.root(number).locator(".vivit-x-panel").nth(panel).locator(TILE).nth(time)
        tile.click(position=dict(zip("xy", place, strict=True)))

    def words(self, number):
        return self.root(number).locator(SAID).inner_text()

    def wait(self, number, condition, seconds=10):
        """Until the explorer's state `s` is so; how long that took."""
        start = time.monotonic()
        while not eval(condition, {"s": self.ask("state", number)}):
            assert time.monotonic() < start + seconds, (condition, self.ask("state", number))
            self.page.wait_for_timeout(20)
        return time.monotonic() - start

    def shut(self):
        """Ends the kernel, if there is one."""
        if not self.ask("state", FIRST)["gone"]:
            self.page.evaluate(SHUT)
            self.wait(FIRST, "s['gone']")

    def start(self):
        """A kernel that knows nothing."""
        self.page.evaluate(START)
        self.page.wait_for_timeout(200)

    def run(self):
        """A kernel that knows the explorers, which are as at first."""
        self.start()
        self.page.evaluate(FORGET)
        run_cells(self.page, 120)
        self.settle()

    def settle(self):
        self.page.wait_for_function("() => document.querySelectorAll('.vivit-x-root').length === 4")
        for number in (FIRST, ASKING):
            self.reset(number)

    def reset(self, number):
        """As at first, but for the film."""
        self.ask("settled", number)
        self.page.evaluate("number => { explorers.rootOf(number).querySelector('details').open = true; }", number)
        self.page.evaluate(SET, [number, {"query": 74, "panels": [PANEL], "off": [], "maps": "now"} | LOOK])
        self.ask("settled", number)


SET = "([number, values]) => explorers.rootOf(number).session.set(values)"
SHOWN = """number => { const { session } = explorers.rootOf(number), { shown, film } = session;
    return { ...shown, maps: shown.maps.map(({ classWeight, weights }) => [classWeight, ...weights]),
        pixels: [...film.pixels] }; }"""
PANEL = {"model": 0, "layer": "space/2", "head": "mean"}
LOOK = {"speed": 1, "view": "overlay", "scale": "row", "strength": 0.6}


@pytest.fixture(scope="module")
def lab(open_lasting, tmp_path_factory):
    """JupyterLab with the notebook, whose cells have run."""
    text = explorers.notebook(explorers.SMALL, "explorer", "explorer", explorers.LARGE)
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder, "explorer.ipynb", text, settings=SAVES) as address:
        page = open_lasting(viewport={"width": 1400, "height": 1300})
        lab = Lab(page, address, folder / "work")
        run_all(page, address, "explorer.ipynb", 120)
        lab.settle()
        yield lab


@pytest.fixture
def alive(lab):
    """The same, its kernel there and all explorers as at first; no error has been said afterwards."""
    if lab.ask("state", FIRST)["gone"]:
        lab.run()
    lab.settle()
    yield lab
    assert (lab.errors, lab.page.outside) == ([], [])


@pytest.fixture
def dead(lab):
    """The same without a kernel."""
    lab.shut()
    yield lab
    assert (lab.errors, lab.page.outside) == ([], [])


def agrees(lab, number):
    """Holds what is printed of each head that is off, and each map, against the library; returns what is printed."""
    lab.reset(number)
    pixels = bytes(lab.page.evaluate(SHOWN, number)["pixels"])
    said, known = lab.ask("knocked", number), explorers.library_chances(pixels)
    assert set(said) == set(known) - {""}
    for key, lines in said.items():
        best = {name: int(after.argmax()) for name, after in known[key].items()}
        for name, chosen in best.items():
            title = next(line for line in lines if _class(name, chosen) in line)
            told = [float(part.split()[0]) for part in title.removeprefix(_class(name, chosen)).split("→")]
            exact = [100 * float(known[off][name][chosen]) for off in ("", key)]
            np.testing.assert_allclose(told, exact, atol=0.051, err_msg=f"{key}: {title}")  # a decimal is printed
    for key, numbers in lab.ask("maps", number).items():
        layer, head = key.split("|")
        question = {"query": 74, "off": [], "of": "now", "panels": [{"layer": layer, "head": head}]}
        [expected] = explorers.library_map(pixels, question)
        np.testing.assert_allclose(numbers, expected, atol=1e-5, err_msg=key)
    return said


def _class(name, chosen):
    return {"verb": [verb.replace("_", " ") for verb in ve.data.clips.VERBS], "noun": ve.data.clips.NOUNS}[name][chosen]


def test_what_is_printed_is_the_librarys_with_a_kernel(alive):
    assert agrees(alive, FIRST) == agrees(alive, ASKING)


def test_map_and_words_change_together_where_a_kernel_is_asked(alive):
    for time_index in (1, 6, 2):
        alive.click(ASKING, time_index)
        alive.wait(ASKING, f"s['phase'] == 'here' and 'time {time_index}, row 0, column 0:' in s['words']")
        assert alive.ask("disagreements", ASKING) == []
    assert kernel_says(alive.page, "large.query", expected="32") == "32"


def test_a_busy_kernel_is_waited_for_and_its_answer_then_comes(alive):
    alive.page.evaluate(BUSY, 6)
    alive.page.wait_for_timeout(300)
    alive.click(ASKING, 5)
    late = alive.wait(ASKING, "s['phase'] == 'late'")
    state = alive.ask("state", ASKING)
    assert state["words"] == "The token at time 5, row 0, column 0: computing where it looks …"
    assert (state["bars"], state["busy"], late < 1) == ([], "true", True)
    alive.wait(ASKING, "s['phase'] == 'silent'")
    assert (
        alive.words(ASKING)
        == "No kernel has answered: it is busy, or gone; the model is too large to run in this page."
    )
    alive.wait(ASKING, "s['phase'] == 'here'")
    assert "time 5, row 0, column 0: in space, layer 2" in alive.words(ASKING)
    assert alive.ask("disagreements", ASKING) == []


KEYS = [*"abcdefghijklmnopqrstuvwxyz0123456789", *"d d 0 0 i i".split(), *"A B C D J K L M V X ? / , . [ ]".split()]
KEYS += [
    f"{way}{key}" for way in ("", "Shift+") for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Enter")
]
KEYS += "Home End PageUp PageDown Space Backspace Delete Control+Enter Alt+Enter Control+m".split()
CONTROLS = {
    "root": ":scope",
    "button": ".vivit-x-button >> nth=3",
    "select": "select >> nth=0",
    "choice of a panel": ".vivit-x-fields select >> nth=1",
    "slider": ".vivit-x-strength",
    "file": ".vivit-x-file",
    "summary": "summary",
    "switch": ".vivit-x-switch >> nth=0",
}


@pytest.mark.parametrize("control", CONTROLS)
def test_no_key_leaves_the_explorer(alive, control):
    root = alive.root(SECOND)
    node = root if control == "root" else root.locator(CONTROLS[control])
    node.focus()
    before = alive.page.evaluate(CELLS)
    for key in KEYS:
        node.focus()
        alive.page.keyboard.press(key)
    assert alive.page.evaluate(CELLS) == before
    assert node.evaluate("node => node === document.activeElement"), "the focus stays"


def test_escape_gives_the_notebook_its_keys_back(alive):
    for control in ("root", "choice of a panel", "file", "switch"):
        count = len(alive.page.evaluate(CELLS)["cells"])
        alive.click(FIRST, 4)
        if control != "root":
            alive.root(FIRST).locator(CONTROLS[control]).focus()
        for keys, cells in (("b", count), ("Escape b", count + 1), ("d d", count)):
            for key in keys.split():
                alive.page.keyboard.press(key)
            assert len(alive.page.evaluate(CELLS)["cells"]) == cells, (control, keys)


def test_one_explorer_in_three_cells_is_one_film(alive):
    alive.page.evaluate(
        "() => { globalThis.stood = []; const { session } = explorers.rootOf(0);"
        " session.model.on('change:frame', () => stood.push(performance.now())); }"
    )
    buttons = [alive.root(number).locator(".vivit-x-button").first for number in (FIRST, SECOND, THIRD)]
    buttons[0].click()
    assert [button.inner_text() for button in buttons] == ["❚❚ pause"] * 3
    alive.page.wait_for_function("() => stood.length > 12")
    buttons[2].click()
    assert [button.inner_text() for button in buttons] == ["▶ play"] * 3
    stood = np.diff(alive.page.evaluate("() => stood"))
    assert 120 <= np.median(stood) < 180, "eight frames a second, not sixteen"
    count = alive.page.evaluate("() => stood.length")
    alive.page.wait_for_timeout(400)
    assert alive.page.evaluate("() => stood.length") == count
    clocks = {alive.root(number).locator(".vivit-x-clock").inner_text() for number in (FIRST, SECOND, THIRD)}
    assert len(clocks) == 1 and clocks != {"frame 0"}


def film(lab, number, path, said, seconds=40):
    """Gives the explorer a film, and waits for what is then said."""
    lab.root(number).locator(".vivit-x-file").set_input_files(path)
    lab.wait(number, f"s['notice'].startswith({said!r})", seconds)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Films for browsers and for kernels alone, a large one, and a file that is none."""
    import av

    folder, rng = tmp_path_factory.mktemp("films"), np.random.default_rng(1)
    noise = rng.integers(0, 255, (24, 96, 128, 3), dtype=np.uint8)
    ve.data.write_clip(folder / "mine.mp4", noise)
    ve.data.write_clip(folder / "other.mp4", noise[::-1].copy())
    with av.open(str(folder / "old.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for frame in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode())
    (folder / "large.avi").write_bytes((folder / "old.avi").read_bytes() + bytes(30_000_000))
    (folder / "notes.mp4").write_text("these are words")
    return folder


def same_as_kernel(lab, number, name):
    """Whether the kernel comes to the answers, and the library to the maps, that the page shows."""
    shown, end = lab.page.evaluate(SHOWN, number), time.monotonic() + 20
    expected = np.concatenate([group["after"] for group in shown["groups"]])
    told = f"[chance for group in {name}.probabilities for chance in group['after']]"
    while not np.allclose(json.loads(kernel_says(lab.page, told)), expected, atol=1e-4):
        assert time.monotonic() < end
        lab.page.wait_for_timeout(50)
    for panel, known in zip(shown["maps"], explorers.library_map(bytes(shown["pixels"]), shown), strict=True):
        np.testing.assert_allclose(panel, known, atol=1e-5)


def test_a_film_that_the_page_reads_is_the_kernels_too(alive, films):
    for name in ("mine.mp4", "mine.mp4"):  # the same file twice
        film(alive, FIRST, films / name, "Showing mine.mp4")
        alive.ask("settled", FIRST)
        same_as_kernel(alive, FIRST, "explorer")
    for number in (FIRST, SECOND, THIRD):
        assert alive.ask("disagreements", number) == []
        assert alive.ask("state", number)["notice"] == "Showing mine.mp4"


def test_a_film_that_the_browser_cannot_play_is_read_by_the_kernel(alive, films):
    for number, name in ((FIRST, "explorer"), (ASKING, "large")):
        film(alive, number, films / "old.avi", "Showing old.avi")
        alive.ask("settled", number)
        same_as_kernel(alive, number, name)
        assert alive.ask("disagreements", number) == []
        film(alive, number, films / "notes.mp4", "notes.mp4 cannot be read as video")
        assert kernel_says(alive.page, f"{name}.clip['name'], {name}._upload._pieces") == "old.avi []"


def test_of_several_films_the_last_wins_and_nothing_of_the_others_stays(alive, films):
    kept = "{0}.clip['name'], {0}._upload._pieces"
    for number, name in ((FIRST, "explorer"), (ASKING, "large")):
        _sending(alive, number, films / "large.avi")
        film(alive, number, films / "mine.mp4", "Showing mine.mp4")
        assert kernel_says(alive.page, kept.format(name), expected="mine.mp4 []") == "mine.mp4 []"
        assert alive.ask("state", number)["notice"] == "Showing mine.mp4"
        _sending(alive, number, films / "large.avi")
        alive.root(number).get_by_role("button", name="stop reading").click()
        alive.wait(number, "s['notice'] == 'Reading was stopped'", 1)
        assert kernel_says(alive.page, kept.format(name), expected="mine.mp4 []") == "mine.mp4 []"
        assert alive.ask("state", number)["notice"] == "Reading was stopped"
        assert alive.root(number).get_by_role("button", name="stop reading").count() == 0


def _sending(lab, number, path):
    """Gives the explorer a film that is on its way, since the kernel has no time for it."""
    lab.page.evaluate(BUSY, 1)
    lab.root(number).locator(".vivit-x-file").set_input_files(path)
    lab.wait(number, f"s['notice'].startswith('Sending {path.name}')")


def test_a_film_that_comes_while_the_kernel_is_busy_is_shown_at_last(alive, films):
    alive.page.evaluate(BUSY, 2)
    film(alive, FIRST, films / "mine.mp4", "Showing mine.mp4")
    film(alive, ASKING, films / "other.mp4", "Showing other.mp4")
    same_as_kernel(alive, ASKING, "large")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_either_theme(alive, theme):
    package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    alive.page.evaluate(next(pathlib.Path(package.__file__).parent.rglob("axe.min.js")).read_text())
    alive.page.evaluate(THEME, theme)
    alive.page.wait_for_function(
        "light => document.body.dataset.jpThemeLight === light", arg=str("Light" in theme).lower()
    )
    alive.root(FIRST).locator(".vivit-x-switch").first.click()
    alive.root(FIRST).get_by_role("button", name="compare").click()
    alive.root(FIRST).get_by_role("button", name="keys").click()
    alive.ask("settled", FIRST)
    for number in (FIRST, ASKING):
        found = alive.page.evaluate(AXE, number)
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    alive.root(FIRST).get_by_role("button", name="keys").click()
    alive.page.evaluate(THEME, "JupyterLab Light")


THEME = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
AXE = """async number => (await axe.run(explorers.rootOf(number), { resultTypes: ['violations'] })).violations"""


def test_the_look_of_lists_around_does_not_reach_the_summary(alive):
    """As jupyterlab-myst's styles for its own summaries would."""
    alive.page.add_style_tag(content="summary { list-style: none } details > summary::marker { content: none }")
    assert (
        alive.root(FIRST)
        .locator("summary")
        .evaluate("node => getComputedStyle(node).listStyleType + getComputedStyle(node).display")
        .startswith("disclosure-")
    )


def test_an_untrusted_notebook_shows_pictures_with_their_captions(alive, open_page):
    alive.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    notebook = json.loads((alive.folder / "explorer.ipynb").read_text())
    [still] = [out for out in notebook["cells"][0]["outputs"] if "text/html" in out["data"]]
    twin = [*still["data"]["text/html"]]
    twin[0] = f"<div><iframe srcdoc='nothing'></iframe>{twin[0]}"
    cell = {"cell_type": "code", "id": "twin", "metadata": {}, "source": "explorer.twin()", "execution_count": 9}
    data = {"text/html": [*twin, "</div>"], "text/plain": "<IPython.core.display.HTML object>"}
    cell["outputs"] = [{"output_type": "execute_result", "execution_count": 9, "metadata": {}, "data": data}]
    (alive.folder / "untrusted.ipynb").write_text(json.dumps(notebook | {"cells": [*notebook["cells"], cell]}))
    page = open_page()
    page.goto(f"{alive.address}/lab/tree/untrusted.ipynb?reset")
    captions = page.locator(".jp-OutputArea-output figcaption")
    captions.nth(4).wait_for()
    for caption in captions.all_inner_texts():
        assert caption.startswith("ViViT-nano/8x2 FE on ") and "; noun " in caption
    assert page.locator(".jp-OutputArea-output iframe, .vivit-x-root").count() == 0, "nothing of it is trusted"
    widths = page.locator(".jp-OutputArea-output figure img").evaluate_all("all => all.map(one => one.offsetWidth)")
    assert len(widths) == 5 and min(widths) > 400


def test_the_still_beneath_a_live_explorer_is_not_seen(alive):
    assert alive.page.locator(".vivit-x-still").count() == 4
    assert [still.is_visible() for still in alive.page.locator(".vivit-x-still").all()] == [False] * 4


def test_a_saved_notebook_lives_beside_a_kernel_that_does_not_know_it(alive, open_page):
    alive.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    shutil.copy(alive.folder / "explorer.ipynb", alive.folder / "saved.ipynb")
    saved = Lab(open_page(viewport={"width": 1400, "height": 1300}), alive.address, alive.folder)
    saved.page.goto(f"{alive.address}/lab/tree/saved.ipynb?reset")
    saved.settle()
    saved.wait(FIRST, "s['gone']")
    agrees(saved, FIRST)
    saved.click(ASKING, 3)
    assert saved.wait(ASKING, "s['phase'] == 'silent'") < 2
    assert (saved.words(ASKING), saved.errors) == (GONE, [])


KINDS = {"tap": 20, "key": 20, "select": 15, "switch": 15, "press": 7, "slide": 5}  # by the page itself, quickly
REAL = {"click": 10, "type": 5, "film": 1, "resize": 2}  # by the browser's own pointer and keyboard
STEPS, SHARE = 1000, 0.15  # of the steps are with the explorer that asks the kernel


def test_after_any_of_a_thousand_actions_the_screen_is_of_one_answer(alive, films):
    chance, steps = random.Random(20240917), []
    weights = KINDS | REAL
    for step in range(STEPS):
        number = ASKING if chance.random() < SHARE else chance.choice((FIRST, SECOND))
        [kind] = chance.choices(list(weights), weights.values())
        steps.append([step, number, kind, chance.random()])
        ends = kind in REAL or step % 100 == 50
        if not ends and len(steps) < 20:
            continue
        assert alive.ask("act", steps[:-1]) == []
        _do(alive, number, kind, chance, films)
        assert (alive.ask("act", steps[-1:]), alive.errors) == ([], [])
        if step % 100 == 50:
            same_as_library(alive, FIRST)
        if step >= STEPS // 2:
            alive.shut()
        steps = []
    assert alive.ask("state", FIRST)["gone"] and alive.ask("state", ASKING)["phase"] == "silent"


def _do(lab, number, kind, chance, films):
    """What takes the browser itself."""
    if kind == "click":
        where = lab.ask("target", number, chance.random(), chance.random(), chance.random())
        lab.page.mouse.click(*where)
    elif kind == "type":
        lab.page.evaluate("number => explorers.rootOf(number).focus({ preventScroll: true })", number)
        lab.page.keyboard.press(chance.choice([*"lhvsrcLHVS,.[]?", "ArrowUp", "ArrowLeft", "ArrowRight", "Space"]))
    elif kind == "resize":
        lab.page.set_viewport_size({"width": chance.choice((700, 1000, 1400)), "height": 1300})
    elif kind == "film" and number != ASKING:
        name = chance.choice(("mine.mp4", "other.mp4"))
        film(lab, number, films / name, f"Showing {name}")


def same_as_library(lab, number):
    shown = lab.page.evaluate(SHOWN, number)
    for panel, expected in zip(shown["maps"], explorers.library_map(bytes(shown["pixels"]), shown), strict=True):
        np.testing.assert_allclose(panel, expected, atol=1e-5)
    off = tuple(key.split("|", 1)[1] for key in shown["off"])
    for group, after in zip(shown["groups"], explorers.chances_without(bytes(shown["pixels"]), off), strict=True):
        np.testing.assert_allclose(group["after"], after, atol=1e-4)


def test_without_a_kernel_what_the_page_cannot_answer_is_said(dead, films):
    dead.click(ASKING, 3)
    assert dead.wait(ASKING, "s['phase'] == 'silent'") < 1.5
    state = dead.ask("state", ASKING)
    assert state["words"] == GONE
    assert (
        state["bars"] == []
        and dead.root(ASKING).locator(".vivit-x-bars").inner_text() == "verb: not known\nnoun: not known"
    )
    no_kernel = "old.avi cannot be read here: {}, and no kernel answers"
    film(dead, ASKING, films / "old.avi", no_kernel.format("the model does not run in this page"), 3)
    film(dead, FIRST, films / "old.avi", no_kernel.format("it is no mp4, mov or webm file"), 3)
    film(dead, FIRST, films / "mine.mp4", "Showing mine.mp4")
    dead.ask("settled", FIRST)
    assert dead.ask("disagreements", FIRST) == dead.ask("disagreements", ASKING) == []


@pytest.mark.parametrize("kernel", ["ended", "started anew"])
def test_what_is_printed_stays_the_librarys_without_the_kernel(dead, kernel):
    if kernel == "started anew":
        dead.start()
    assert dead.ask("state", FIRST)["gone"]
    agrees(dead, FIRST)
    dead.click(ASKING, 2)
    dead.wait(ASKING, "s['phase'] == 'silent'", 2)
    assert dead.words(ASKING) == GONE


def test_a_question_that_waits_when_its_kernel_goes_is_answered_with_that(alive):
    alive.page.evaluate(BUSY, 60)
    alive.page.wait_for_timeout(300)
    alive.click(ASKING, 1)
    alive.wait(ASKING, "s['phase'] == 'late'")
    alive.page.evaluate(f"() => {{ ({SHUT})(); }}")
    assert alive.wait(ASKING, "s['phase'] == 'silent'") < 4, "at once, and not after a while"
    assert alive.words(ASKING) == GONE
