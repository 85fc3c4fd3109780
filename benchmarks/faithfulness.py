"""Scores of every method on 200 test clips by the trained nano models, written to benchmarks/faithfulness.md.

`python benchmarks/faithfulness.py` does every body; names of models after it do those alone and keep the others' part.
"""

import re
import sys
import time
from pathlib import Path

import numpy as np

import vivit_edu as ve
from vivit_edu.data.clips import examples
from vivit_edu.explain.faithfulness import MEASURES, score

NAMES = [f"ViViT-nano/8x2{body}" for body in ("", " FE", " FSA", " FDP", " AP")]
CLIPS = 200
PAGE = Path(__file__).with_suffix(".md")


def section(name: str) -> str:
    """One model's tables, with the seconds that the first took, compilation among them."""
    model, every = ve.pretrained.load(name), examples("test")
    chosen = [every[i] for i in np.random.default_rng(0).choice(len(every), CLIPS, replace=False)]
    start = time.monotonic()
    noun = score(model, chosen)
    seconds = time.monotonic() - start
    verb = score(model, chosen, head="verb")
    return "\n\n".join(
        [
            f"## {name}",
            f"Noun, {CLIPS} clips, {seconds:.0f} s:",
            noun.markdown(),
            f"Verb, the same clips:\n\n{verb.markdown()}",
        ]
    )


def main(names: list[str]) -> None:
    text = PAGE.read_text() if PAGE.exists() else ""
    parts = {one.splitlines()[0]: one.strip() for one in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]}
    for name in names:
        parts[f"## {name}"] = section(name)
        print(parts[f"## {name}"], flush=True)
        said = "\n".join(f"- {measure}: {what}" for measure, what in MEASURES.items())
        ordered = [parts[f"## {one}"] for one in NAMES if f"## {one}" in parts]
        PAGE.write_text("\n\n".join([f"# What the maps of the nano models rest on\n\n{said}", *ordered]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
