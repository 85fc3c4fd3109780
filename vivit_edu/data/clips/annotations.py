"""The annotation of the embedded clips in three data sets' own layouts, over one folder of videos.

Kinetics: a CSV for each split, the verb as its label. Something-Something v2: JSON with templates and placeholders.
EPIC-Kitchens-100: a CSV of verb and noun classes with time stamps.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from vivit_edu.arrays import Real
from vivit_edu.data.cache import write_whole
from vivit_edu.data.clips.verbs import VERBS

NOUNS = tuple(f"digit {n}" for n in range(10))
TEMPLATES = {
    "slide_right": "Sliding [something] to the right",
    "slide_left": "Sliding [something] to the left",
    "slide_down": "Sliding [something] down",
    "slide_up": "Sliding [something] up",
    "turn_right": "Turning [something] clockwise",
    "turn_left": "Turning [something] counter-clockwise",
    "grow": "[Something] growing",
    "shrink": "[Something] shrinking",
    "blink_once": "[Something] blinking once",
    "blink_twice": "[Something] blinking twice",
    "blink_thrice": "[Something] blinking three times",
    "right_then_left": "Sliding [something] to the right, then to the left",
    "left_then_right": "Sliding [something] to the left, then to the right",
    "down_then_up": "Sliding [something] down, then up",
    "up_then_down": "Sliding [something] up, then down",
    "grow_then_shrink": "[Something] growing, then shrinking",
    "shrink_then_grow": "[Something] shrinking, then growing",
    "blink_then_slide": "[Something] blinking, then sliding",
    "slide_then_blink": "[Something] sliding, then blinking",
}
KINETICS = ("label", "youtube_id", "time_start", "time_end", "split")
EPIC = (
    *(
        "narration_id",
        "participant_id",
        "video_id",
        "narration_timestamp",
        "start_timestamp",
        "stop_timestamp",
    ),
    *("start_frame", "stop_frame", "narration", "verb", "verb_class", "noun", "noun_class", "all_nouns"),
    "all_noun_classes",
)
EPIC_CLASSES = ("id", "key", "instances", "category")


def write_annotations(
    folder: Path, split: str, clips: Sequence[tuple[str, str, int]], *, frames: int, fps: Real
) -> None:
    """Writes one split's annotation in all three layouts; `clips` are (name, verb, noun)."""
    seconds = frames / fps
    stems = [stem(name, seconds) for name, _, _ in clips]
    kinetics = [(verb.replace("_", " "), name, 0, _whole(seconds), split) for name, verb, _ in clips]
    _write_csv(folder / "kinetics" / f"{split}.csv", KINETICS, kinetics)
    something = [_something(name, verb, noun) for name, (_, verb, noun) in zip(stems, clips, strict=True)]
    _write_json(folder / "ssv2" / f"something-something-v2-{split}.json", something)
    rows = [_epic(name, verb, noun, frames, seconds) for name, (_, verb, noun) in zip(stems, clips, strict=True)]
    _write_csv(folder / "epic" / f"EPIC_100_{split}.csv", EPIC, rows)


def write_classes(folder: Path) -> None:
    """Writes the classes' names and their order: SSv2's labels, EPIC's verb and noun classes."""
    labels = {TEMPLATES[verb].replace("[", "").replace("]", ""): str(i) for i, verb in enumerate(VERBS)}
    _write_json(folder / "ssv2" / "something-something-v2-labels.json", labels)
    for kind, names in (("verb", VERBS), ("noun", NOUNS)):
        rows = [(i, name, [name], "embedded") for i, name in enumerate(names)]
        _write_csv(folder / "epic" / f"EPIC_100_{kind}_classes.csv", EPIC_CLASSES, rows)


def stem(name: str, seconds: Real) -> str:
    """A file's name without its ending, as Kinetics builds it from id, start and end in seconds."""
    return f"{name}_{0:06d}_{_whole(seconds):06d}"


def read_epic(path: Path) -> list[dict[str, str]]:
    """The rows of one EPIC-Kitchens-100 annotation file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _something(name, verb, noun):
    template = TEMPLATES[verb]
    label = template.replace("[something]", NOUNS[noun]).replace("[Something]", NOUNS[noun])
    return {"id": name, "label": label.lower(), "template": template, "placeholders": [NOUNS[noun]]}


def _epic(name, verb, noun, frames, seconds):
    stop = f"00:{int(seconds // 60):02d}:{seconds % 60:05.2f}"
    head = (f"{name}_0", "P00", name, "00:00:00.00", "00:00:00.00", stop, 0, frames, f"{verb} {NOUNS[noun]}")
    return (*head, verb, VERBS.index(verb), NOUNS[noun], noun, [NOUNS[noun]], [noun])


def _whole(seconds):
    return max(1, round(seconds))


def _write_csv(path, header, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def _write_json(path, value):
    write_whole(path, json.dumps(value, indent=1).encode())
