"""Exported pages of the explorer, opened in a browser, and the numbers that the library has for them."""

import base64
import pathlib

import numpy as np

import vivit_edu as ve
from vivit_edu.explain.explorer.rows import record_rows
from vivit_edu.explain.explorer.still import on_grid
from vivit_edu.explain.watch.knockout import chances

SUFFIXES = ("FE", "FSA", "FDP", "AP")
EMBEDDED = ("ViT-nano/8", "ViViT-nano/8x2", *(f"ViViT-nano/8x2 {suffix}" for suffix in SUFFIXES))
SAID, LARGE, TILES = ".vivit-x-said .vivit-x-live", ".vivit-x-side > .vivit-x-frame", ".vivit-x-tile > .vivit-x-frame"
KNOCK = ".vivit-x-knock summary"
HELPERS = (pathlib.Path(__file__).parent / "pages.js").read_text()
SUMS = 1e-4  # float32 sums in another order than XLA's, through up to five layers


def noise(model, seed=0, **size):
    """uint8 frames as the model takes them."""
    config = model.config
    height, width = size.get("size", config.size)
    return np.random.default_rng(seed).integers(0, 255, (config.frames, height, width, 3), dtype=np.uint8)


def exported(folder, name="ViViT-nano/8x2 FE", /, *, model=None, beside=None, video=None, **options):
    """The page of an embedded model and a clip, which stands still."""
    model = ve.pretrained.load(name) if model is None else model
    beside = beside and ve.pretrained.load(beside)
    video = noise(model) if video is None else video
    explorer = ve.explain.Explorer(model, video, beside=beside, **({"autoplay": False} | options))
    return explorer.export(folder / f"{name.replace('/', '-')}{' beside' * bool(beside)}.html")


def opened(page, path, *, settled=True):
    """The page, open; `page.errors` gathers what goes wrong in it."""
    page.errors = []
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
    page.goto(path.as_uri())
    page.wait_for_selector(LARGE)
    if settled:
        page.evaluate(HELPERS)
        settle(page)
    return page


def settle(page):
    """Waits until what is shown answers what was asked; and it then agrees with itself."""
    assert page.evaluate("explorer.settled()") == "here"
    assert page.evaluate("explorer.disagreements()") == []


def said(page):
    """The words of the status line, of an explorer at rest."""
    settle(page)
    return page.inner_text(SAID)


def frames_of(page):
    """The uint8 frames (T, H, W, 3) that the page shows, and their seconds."""
    encoded, clip = page.evaluate(
        """() => { const { model } = explorer, frames = model.get('frames');
        let text = ''; for (const byte of new Uint8Array(frames.buffer || frames)) text += String.fromCharCode(byte);
        return [btoa(text), model.get('clip')]; }"""
    )
    frames = np.frombuffer(base64.b64decode(encoded), np.uint8)
    return frames.reshape(clip["count"], clip["height"], clip["width"], 3), clip["seconds"]


def differences(models, video, shown):
    """By how much the probabilities and the maps that a page shows differ from the library's, at most."""
    worst = {"chances": 0.0, "weights": 0.0}
    groups = iter(shown["groups"])
    for number, model in enumerate(models):
        clip = ve.data.normalise(video).reshape(1, *_shape(model))
        off = [key.split("|", 1)[1] for key in shown["off"] if key.startswith(f"{number}|")]
        for before, after in zip(chances(model, clip).values(), chances(model, clip, off).values(), strict=True):
            group = next(groups)
            worst["chances"] = max(worst["chances"], _far(group["before"], before), _far(group["after"], after))
        rows = record_rows(model, clip, off=off if shown["of"] == "now" else ())
        for panel, seen in zip(shown["panels"], shown["maps"], strict=True):
            if panel["model"] == number:
                row = rows.row(panel["layer"], shown["query"], head=panel["head"])
                want = on_grid(rows, panel["layer"], shown["query"], row).ravel()
                worst["weights"] = max(worst["weights"], _far(seen["weights"], want), _far(seen["classWeight"], row[0]))
    return worst


def _shape(model):
    config = model.config
    shape = (config.frames, *config.size, config.channels)
    return shape if config.frames > 1 else shape[1:]


def _far(got, want):
    return float(np.abs(np.asarray(got) - want).max())
