"""The exercises: each one's check, and its right answers in many styles."""

import inspect
import sys

from students import solutions, solutions_later

from vivit_edu import teach

PREFIXES = {
    "grid": "grid",
    "cut_tubelets": "cut",
    "sample_frames": "sample",
    "embed_tubelets": "embed",
    "overlapping_tubelets": "overlap",
    "attention": "attend",
    "attention_in_parts": "streamed",
    "class_token": "prepend",
    "layer": "layer",
    "attention_bytes": "bytes",
    "central_frame": "central",
    "inflate": "inflated",
    "repeat_positions": "repeat",
    "resize_positions": "resize",
    "silent_start": "silent",
    "rollout": "roll",
    "distance": "distance",
    "factorised_rollout": "follow",
    "pointing": "pointing",
    "deletion_area": "area",
    "rank_correlation": "agree",
    "greedy": "greedy",
}
CHECKS = {name: getattr(teach, f"check_{name}") for name in PREFIXES}
ANSWERS = {
    name: [
        answer
        for module in (solutions, solutions_later)
        for title, answer in vars(module).items()
        if title.startswith(f"{prefix}_") and callable(answer) and not inspect.ismodule(answer)
    ]
    for name, prefix in PREFIXES.items()
}


def cases_of(name, monkeypatch):
    """The cases that a check draws."""
    found = []

    def spy(name, student, cases, **_):
        found.extend(cases)
        return teach.Result(name=name, status="todo")

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[CHECKS[name].__module__], "run", spy)
        CHECKS[name](spy)
    return found
