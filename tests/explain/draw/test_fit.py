"""What does not fit into a figure: a sentence, not a picture of something else."""

import numpy as np
import pytest
from toys import toy_config

from vivit_edu.explain import figures, film

CLIP = np.zeros((8, 6, 12, 3), np.uint8)
MAP = np.ones((4, 2, 3), np.float32)
KERNEL = {1: np.ones((1, 3, 4, 3)), 2: np.ones((2, 3, 4, 3))}
STEPS = {"step": [1, 2], "loss": [2.0, 1.0]}
EIGHT = {str(i): [0.1, 0.2] for i in range(8)}
AXES = {"xaxis": "x", "yaxis": "y"}
NORMS = {"m": {"blocks/layers/0/space/query/kernel": 1.0}}
REFUSED = (ValueError, IndexError, TypeError)  # the last by what a test run checks of types

WRONG = {
    "film, a grid of 0": (lambda c: figures.film(CLIP, fps=8, grid=(2, 0, 4)), "a side of the grid must be a whole"),
    "film, a negative grid": (lambda c: figures.film(CLIP, fps=8, grid=(-2, 3, 4)), "of at least 1; got -2"),
    "film, a grid of one number": (lambda c: figures.film(CLIP, fps=8, grid=3), "grid: expected a list; got 3"),
    "film, a grid of two": (lambda c: figures.film(CLIP, fps=8, grid=(2, 3)), r"sides \(t, h, w\) must be 3; got 2"),
    "over frames, no maps": (
        lambda c: figures.attention_over_frames(CLIP, MAP[None][:0], c, fps=8),
        "one of maps; got 0",
    ),
    "filters, of an image": (lambda c: figures.filters(np.ones((3, 4, 3, 5))), "must be 5; got 4"),
    "removal, of two curves": (lambda c: figures.removal({"a": np.ones((2, 3))}, title="t"), "must be 1; got 2"),
    "film, no frames": (lambda c: figures.film(CLIP[:0], fps=8), r"frames must be .* got \(0, 6, 12, 3\)"),
    "film, fps": (lambda c: figures.film(CLIP, fps="8"), "fps must be a number above 0; got '8'"),
    "film, no fps": (lambda c: figures.film(CLIP, fps=None), "fps must be a number above 0; got None"),
    "masks of no model": (lambda c: figures.sees_side_by_side([]), "configurations"),
    "video, fps": (lambda c: film.video_html(CLIP, fps=float("nan")), "fps must be a number above 0; got nan"),
    "video, no frames": (lambda c: film.video_html(CLIP[:0]), "frames must be"),
    "raster, half the frames": (
        lambda c: figures.raster(CLIP[:4], c, fps=8),
        r"must be \(8, 6, 12\); got \(4, 6, 12\)",
    ),
    "raster, half the height": (lambda c: figures.raster(CLIP[:, :3], c, fps=8), r"got \(8, 3, 12\)"),
    "tubelets, 4 frames": (lambda c: figures.tubelets(CLIP[:4], c), r"got \(4, 6, 12\)"),
    "tubelets, 16 frames": (lambda c: figures.tubelets(np.tile(CLIP, (2, 1, 1, 1)), c), r"got \(16, 6, 12\)"),
    "over 16 frames": (
        lambda c: figures.attention_over_frames(np.tile(CLIP, (2, 1, 1, 1)), MAP, c, fps=8),
        r"got \(16, 6, 12\)",
    ),
    "over half the height": (lambda c: figures.attention_over_frames(CLIP[:, :3], MAP, c, fps=8), r"got \(8, 3, 12\)"),
    "negative maps": (lambda c: figures.attention_over_frames(CLIP, -MAP, c, fps=8), "at least 0, .* the least is -1"),
    "two queries of one map": (
        lambda c: figures.attention_over_frames(CLIP, MAP, c, fps=8, queries=[1, 2]),
        "1 maps need as many queries; got 2",
    ),
    "growth, a longer x": (
        lambda c: figures.growth([1, 2, 3], {"a": [1, 2]}, **AXES),
        "the count of a must be 3; got 2",
    ),
    "growth, nothing": (lambda c: figures.growth([], {}, **AXES), "at least one of x; got 0"),
    "growth, eight": (lambda c: figures.growth([1, 2], EIGHT, **AXES), "from 1 to 7 of lines; got 8"),
    "curves, nothing": (lambda c: figures.curves({}), "got none of loss, step"),
    "curves, validation only": (
        lambda c: figures.curves({"validation/step": [1], "validation/verb": [0.5]}),
        "got none of loss, step",
    ),
    "curves, a longer one": (lambda c: figures.curves(STEPS | {"verb": [0.1] * 3}), "numbers of verb must be 2; got 3"),
    "curves, no steps": (lambda c: figures.curves(STEPS | {"validation/verb": [0.5]}), "has validation/step"),
    "curves, chance": (lambda c: figures.curves(STEPS, chance={"verb": float("nan")}), "chance must be finite"),
    "curves, of 1.5": (
        lambda c: figures.curves(STEPS | {"verb": [0.1, 1.5]}),
        "verb must be from 0 to 1; got 0.1 to 1.5",
    ),
    "curves, in percent": (
        lambda c: figures.curves(STEPS | {"validation/step": [2], "validation/noun": [40]}),
        "validation/noun must be from 0 to 1; got 40 to 40",
    ),
    "scores, of 3": (lambda c: figures.scores({"m": {"verb": 3.0}}, chance={"verb": 0.1}), "from 0 to 1; got 3 to 3"),
    "scores, not within": (
        lambda c: figures.scores({"m": {"verb": (0.3, 0.5, 0.2)}}, chance={"verb": 0.1}),
        r"\(accuracy, lower, upper\); got \[0.3, 0.5, 0.2\] of m",
    ),
    "scores, none": (lambda c: figures.scores({"m": {"noun": 0.3}}, chance={"verb": 0.1}), "m has no accuracy of verb"),
    "scores, no model": (lambda c: figures.scores({}, chance={"verb": 0.1}), "at least one of models; got 0"),
    "filters, -1": (lambda c: figures.filters(np.ones((2, 3, 4, 3, 5)), count=-1), "count must be .* got -1"),
    "gradients, -1": (lambda c: figures.gradients(NORMS, layer=-1), "m has no gradients of attention in layer -1"),
    "gradients, True": (
        lambda c: figures.gradients({"m": {"blocks/layers/1/space/query/kernel": 1.0}}, layer=True),
        "True",
    ),
    "gradients, nothing": (lambda c: figures.gradients({}), "at least one of models"),
    "distances, nothing": (lambda c: figures.distances([], c), "at least one of records"),
    "stretched, nothing": (lambda c: figures.stretched({}), "at least one of rules"),
    "stretched, other lengths": (
        lambda c: figures.stretched({"a": KERNEL, "b": {1: KERNEL[1]}}),
        r"the lengths of b must be \[1, 2\]; got \[1\]",
    ),
    "stretched, too long": (lambda c: figures.stretched({"a": KERNEL}, columns=1), "the longest t, 2; got 1"),
    "stream, one layer": (lambda c: figures.stream(np.ones((1, 2, 7)), class_token=True), r"got \(1, 2, 7\)"),
    "needs, no heads": (lambda c: figures.needs({"a": []}, title="t"), "at least one of the heads of a"),
    "needs, three numbers": (
        lambda c: figures.needs({"a": [(0.1, 0.2, 0.3)]}, title="t"),
        r"must be \(1, 4\); got \(1, 3\)",
    ),
    "needs, eight": (lambda c: figures.needs({k: [(0.1,) * 4] for k in EIGHT}, title="t"), "1 to 7 of groups; got 8"),
    "removal, eight": (lambda c: figures.removal({k: np.array(v) for k, v in EIGHT.items()}, title="t"), "7 of curves"),
    "removal, of 2": (
        lambda c: figures.removal({"a": np.array([2.0, 0.1])}, title="t"),
        "must be from 0 to 1; got 0.1 to 2",
    ),
    "runs, eight": (lambda c: figures.runs({k: np.array([v]) for k, v in EIGHT.items()}), "1 to 7 of kinds; got 8"),
    "runs, of -1": (
        lambda c: figures.runs({"a": -np.ones((1, 2))}),
        "accuracies of a must be from 0 to 1; got -1 to -1",
    ),
    "runs, chance": (lambda c: figures.runs({"a": np.ones((1, 2))}, chance=float("nan")), "chance must be finite"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused_in_a_sentence(what):
    draw, message = WRONG[what]
    with pytest.raises(REFUSED, match=f"{message}|Type-check"):
        draw(toy_config())


def test_seven_lines_are_drawn_in_seven_colours():
    seven = {str(i): np.array([0.9, 0.1]) for i in range(7)}
    figure = figures.removal(seven, title="t")
    assert len({trace.line.color for trace in figure.data}) == 7
    assert len(figures.growth([1, 2], {name: [0.9, 0.1] for name in seven}, **AXES).data) == 7
