"""The explorer where no kernel is: in the book, in converted and stored notebooks, in pages of other hosts."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from browser import explorers
from browser.jupyterlab import ROOT

import vivit_edu as ve

pytest.importorskip("anywidget")
TILE, SAID, STILL = ".vivit-x-tile > .vivit-x-frame", ".vivit-x-said", "figure.vivit-x-still"


@pytest.fixture(scope="module")
def explorer():
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    return ve.explain.Explorer(explorers.model(), frames, autoplay=False, name="a <b>clip</b>")


def test_a_saved_state_lives_in_a_page_of_the_book(open_page, tmp_path, explorer):
    embed = pytest.importorskip("ipywidgets.embed")
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    from saved_explorers import shared

    saved = embed.embed_data(views=[explorer, explorer], drop_defaults=False)
    parts = [("state", shared(saved["manager_state"])), *(("view", view) for view in saved["view_specs"])]
    scripts = (
        "".join(
            f'<div><script type="application/vnd.jupyter.widget-{kind}+json">{json.dumps(part)}</script></div>'
            for kind, part in parts
        )
        .replace("<b>", "\\u003cb>")
        .replace("</b>", "\\u003c/b>")
    )
    code = (ROOT / "vivit_edu/explain/explorer/static/page/saved.js").read_text() + (
        ROOT / "book/widgets.js"
    ).read_text()
    (tmp_path / "widgets.js").write_text(f"(() => {{{code}}})();")
    page_of_book = tmp_path / "chapter.html"
    page_of_book.write_text(f"<!DOCTYPE html><body>{scripts}<script src='widgets.js' defer></script></body>")
    page, errors = open_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_of_book.as_uri())
    page.wait_for_selector(TILE)
    explorers.ask(page, "settled", 0)
    page.locator(TILE).nth(6).click(position={"x": 5, "y": 5})
    explorers.ask(page, "settled", 0)
    assert "time 6, row 0, column 0: in space, layer 2" in page.locator(SAID).first.inner_text()
    page.locator(".vivit-x-knock summary").first.click()
    page.locator(".vivit-x-switch").first.click()
    explorers.ask(page, "settled", 0)
    assert explorers.ask(page, "state", 0)["pressed"][0] and explorers.ask(page, "disagreements", 0) == []
    assert (errors, page.outside) == ([], [])


def test_an_older_question_never_overtakes_a_newer_one(open_page, tmp_path, explorer):
    """Asked while a film is brought to the engine, the older of two would come last, and the newer stay unanswered."""
    page = open_page()
    page.goto(explorer.export(tmp_path / "page.html").as_uri())
    page.wait_for_selector(TILE)
    explorers.ask(page, "settled", 0)
    assert page.evaluate(OVERTAKING) == [30]
    assert explorers.ask(page, "disagreements", 0) == []


OVERTAKING = """async () => {
    const { session } = explorers.rootOf(0), { engine } = session.source, { show, ask } = engine, asked = [];
    const pause = () => new Promise(resolve => setTimeout(resolve, 100));
    engine.show = async (...given) => { await show.apply(engine, given); await pause(); };
    engine.ask = (from, parts) => { asked.push(parts[0].rows[0].query); return ask.call(engine, from, parts); };
    session.source.film = null;
    session.set({ query: 20 });
    await new Promise(resolve => setTimeout(resolve, 10));
    session.set({ query: 30 });
    await pause();
    await pause();
    return asked; }"""


# As the hosts themselves mark a page dark; each named with what it does.
DARK = {
    "the book, Furo": ('<html data-theme="dark"><body>', "light"),
    "pydata's theme by its mode": ('<html data-mode="dark"><body>', "light"),
    "Furo on its body": ('<html><body data-theme="dark">', "light"),
    "JupyterLab": ('<html><body data-jp-theme-light="false">', "light"),
    "VS Code": ('<html><body class="vscode-dark" data-vscode-theme-kind="vscode-dark">', "light"),
    "VS Code, by its class": ('<html><body class="vscode-dark">', "light"),
    "VS Code, more contrast": (
        '<html><body class="vscode-high-contrast" data-vscode-theme-kind="vscode-high-contrast">',
        "light",
    ),
    "Colab": ('<html theme="dark"><body>', "light"),
    "a page's own colour scheme": ('<html style="color-scheme: dark"><body>', "light"),
    "the reader's system": ("<html><body>", "dark"),
    "marimo": ('<html><body class="dark dark-theme">', "light"),
    "Bootstrap": ('<html data-bs-theme="dark"><body>', "light"),
    "Furo, left to the system": ('<html><body data-theme="auto">', "dark"),
}


@pytest.mark.parametrize("host", DARK)
def test_the_twin_is_dark_where_its_host_is(open_page, tmp_path, host, explorer):
    opening, system = DARK[host]
    path = tmp_path / "host.html"
    twin = explorer.twin(layers=["space/2"], heads=["mean"]).data
    path.write_text(f'<!DOCTYPE html>{opening}<meta charset="utf-8">{twin}</body></html>')
    page = open_page(color_scheme=system)
    page.goto(path.as_uri())
    body = page.frame_locator("iframe").locator("body")
    body.locator(TILE).first.wait_for()
    ground = body.evaluate("body => getComputedStyle(body).backgroundColor")
    assert ground == "rgb(18, 18, 18)", "Canvas of a dark page"
    assert not page.locator(STILL).is_visible()


def test_the_twin_stays_light_in_a_light_host_whatever_the_system_says(open_page, tmp_path, explorer):
    for number, opening in enumerate(('<html data-theme="light"><body>', '<html><body class="vscode-light">')):
        path = tmp_path / f"host{number}.html"
        twin = explorer.twin(layers=["space/2"], heads=["mean"]).data
        path.write_text(f'<!DOCTYPE html>{opening}<meta charset="utf-8">{twin}</body></html>')
        page = open_page(color_scheme="dark")
        page.goto(path.as_uri())
        body = page.frame_locator("iframe").locator("body")
        body.locator(TILE).first.wait_for()
        assert body.evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"


def test_where_no_script_runs_a_still_picture_and_a_sentence_stand(open_page, tmp_path, explorer):
    """As sites do that show stored notebooks: html first, cleaned of frames and scripts."""
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        import IPython.display

        patch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
        explorer._ipython_display_()
    words = "ViViT-nano/8x2 FE on a <b>clip</b>: verb slide then blink, 52.9 %; noun digit 2, 59.3 %"
    assert set(shown[0]) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert set(shown[1]) == {"text/html", "image/png", "text/plain"}
    assert shown[0]["text/plain"] == f"Explorer({words})" == repr(explorer)
    assert words in shown[1]["text/plain"]
    twin = explorer.twin(layers=["space/2"], heads=["mean"]).data
    for number, html in enumerate((shown[1]["text/html"], twin[twin.index("</iframe>") :])):
        page = open_page(java_script_enabled=False)
        (tmp_path / f"{number}.html").write_text(f'<!DOCTYPE html><meta charset="utf-8">{html}')
        page.goto((tmp_path / f"{number}.html").as_uri())
        assert words in page.locator("figcaption").inner_text() and words in page.locator("img").get_attribute("alt")
        box = page.locator("img").bounding_box()
        assert box["width"] > 500 and box["height"] > 50


@pytest.mark.slow
def test_a_notebook_that_is_run_and_converted_shows_its_explorers(open_page, tmp_path):
    pytest.importorskip("nbconvert")
    path = tmp_path / "a.ipynb"
    path.write_text(explorers.notebook(explorers.SMALL, "explorer.twin(layers=['space/2'], heads=['mean'])"))
    folders = {name: str(tmp_path) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    variables = os.environ | folders | {"JUPYTER_PREFER_ENV_PATH": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", str(path)]
    subprocess.run(command, env=variables, check=True, capture_output=True, timeout=300)
    page = open_page()
    page.goto(path.with_suffix(".html").as_uri(), wait_until="commit")
    page.frame_locator("iframe").locator(TILE).first.wait_for()
    still = page.locator(STILL).first
    assert "ViViT-nano/8x2 FE on a clip: verb slide then blink, 52.9 %" in still.inner_text()
    assert still.locator("img").bounding_box()["width"] > 500
    assert not page.locator(STILL).nth(1).is_visible(), "the twin lives"
