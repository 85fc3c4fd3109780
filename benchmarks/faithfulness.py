"""Scores of every method on 200 test clips by the trained nano models, written to benchmarks/faithfulness.md.

`python benchmarks/faithfulness.py` does every body, two at a time; names of models after it do those alone and keep
the others' part.
"""

import multiprocessing
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

NAMES = [f"ViViT-nano/8x2{body}" for body in ("", " FE", " FSA", " FDP", " AP")]
CLIPS, STEPS, PROCESSES = 200, 8, 2
PAGE = Path(__file__).with_suffix(".md")
TITLE = "# What the maps of the nano models rest on"


def table(name: str, head: str):
    """One model's scores, the same clips for all."""
    import vivit_edu as ve
    from vivit_edu.explain import faithfulness

    every = ve.data.clips.examples("test")
    chosen = [every[i] for i in np.random.default_rng(0).choice(len(every), CLIPS, replace=False)]
    return faithfulness.score(ve.pretrained.load(name), chosen, head=head, steps=STEPS)


def main(names: list[str]) -> None:
    from vivit_edu.explain.judge.faithfulness import MEASURES

    text = PAGE.read_text() if PAGE.exists() else ""
    parts = {one.splitlines()[0]: one.strip() for one in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]}
    spawn = multiprocessing.get_context("spawn")  # a forked jax would wait for threads that are not there
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        for head in ("noun", "verb"):
            start = time.monotonic()
            for name, found in zip(names, pool.map(table, names, [head] * len(names)), strict=True):
                parts[f"## {name}, {head}"] = f"## {name}, {head}\n\n{found.markdown()}"
            if len(names) == len(NAMES):
                took = f"All five bodies, {CLIPS} clips, {PROCESSES} processes: {time.monotonic() - start:.0f} s."
                parts[f"## Time, {head}"] = f"## Time, {head}\n\n{took}"
    said = "\n".join(f"- {measure}: {what}" for measure, what in MEASURES.items())
    order = [f"## {name}, {head}" for head in ("noun", "verb") for name in [*NAMES, "Time"]]
    PAGE.write_text("\n\n".join([TITLE, said, *(parts[one] for one in order if one in parts)]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
