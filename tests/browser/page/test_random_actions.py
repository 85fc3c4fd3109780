"""A thousand random actions on the exported page: it agrees with itself, and now and then with the library."""

import base64
import pathlib

import films
import numpy as np
import pytest
from browser.page.pages import SUMS, differences, exported, frames_of, opened

import vivit_edu as ve

pytest.importorskip("anywidget")
STEPS, BATCH = 1000, 50


@pytest.mark.parametrize("beside", [None, "ViViT-nano/8x2 FSA"])
def test_a_thousand_random_actions_leave_the_page_and_the_library_of_one_mind(open_page, tmp_path, beside):
    names = ["ViViT-nano/8x2", *([beside] if beside else [])]
    models, rng = [ve.pretrained.load(name) for name in names], np.random.default_rng(len(names))
    page = opened(open_page(), exported(tmp_path, names[0], beside=beside, fps=8))
    made = [films.write(tmp_path / f"mine{n}.mp4", films.numbered(6 + n)) for n in range(2)]
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in made] + [["no film.mp4", "AAAA"]]
    page.add_script_tag(path=pathlib.Path(__file__).parent / "steps.js")
    total = {}
    for _ in range(STEPS // BATCH // len(names)):
        wrong, end, kinds = page.evaluate("given => takeSteps(given)", [rng.random((BATCH, 4)).tolist(), files])
        assert (wrong, end, page.errors) == ([], [], [])
        total = {kind: total.get(kind, 0) + count for kind, count in kinds.items()}
        worst = differences(models, frames_of(page)[0], page.evaluate("explorer.shown()"))
        assert max(worst.values()) <= SUMS
    assert len(total) == 10 and min(total.values()) >= 1, total
