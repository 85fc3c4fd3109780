"""The embedded set: handwritten digits that slide, turn, grow, blink and return, as mp4 files with their truth."""

import dataclasses
import functools
import hashlib
import io
import json
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from tqdm.auto import tqdm

from vivit_edu.arrays import Real
from vivit_edu.data.cache import cache_folder, remove_unfinished, write_whole
from vivit_edu.data.clips.annotations import NOUNS, read_epic, stem, write_annotations, write_classes
from vivit_edu.data.clips.render import draw
from vivit_edu.data.clips.verbs import TUBELET, VERBS, track
from vivit_edu.data.example import Example
from vivit_edu.data.video import write_clip

SPLITS = ("train", "validation", "test")
SHARES = (0.7, 0.1, 0.2)  # of each digit's images
VERSION = 3  # of drawing and coding: another number makes another folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truth:
    """What really happens in a clip.

    Attributes:
      mask: bool (T, H, W), the object's pixels; none while it is invisible.
      events: (name, first frame, frame after the last) of each phase: "rest", "go", "back" or "blink".
    """

    mask: Bool[np.ndarray, "T H W"]
    events: tuple[tuple[str, int, int], ...]


def make_clips(
    folder: str | Path | None = None,
    *,
    seed: int = 0,
    train: int = 21,
    validation: int = 2,
    test: int = 5,
    frames: int = 16,
    size: int = 32,
    fps: Real = 8,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """The folder of the embedded clips, made where it is not complete; an interrupted making goes on where it stopped.

    Videos are H.264 in `videos/`; their annotation lies in `kinetics/`, `ssv2/` and `epic/`, in these data sets' own
    layouts; object masks and event times in `truth/`. The same arguments give the same bytes. The splits share no
    image of a digit. One verb of each pair in `PAIRS` holds the other's tubelets in another order.

    Args:
      folder: None takes one in the user's cache folder (or $VIVIT_EDU_CACHE), named by the other arguments.
      train, validation, test: clips of each verb and noun, of which there are 19 x 10.
      frames: of a clip, at least 16, a whole number of tubelets of 2.
      size: height and width in pixels, even.
      fps: frames a second.
      workers: threads; None takes as many as there are processors.

    Raises:
      ValueError: where a count, frames or size does not fit, or the folder holds clips of other arguments.
    """
    recipe = {
        "seed": seed,
        "counts": [train, validation, test],
        "frames": frames,
        "size": size,
        "fps": float(fps),
        "version": VERSION,
    }
    _check(recipe)
    name = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]
    folder = Path(folder) if folder is not None else cache_folder() / f"clips-{name}"
    manifest = folder / "manifest.json"
    _check_same(folder, recipe)
    if manifest.exists():
        return folder
    for part in ("videos", "truth", "kinetics", "ssv2", "epic"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_whole(folder / "recipe.json", json.dumps(recipe).encode())
    total = len(VERBS) * len(NOUNS) * sum(recipe["counts"])
    with (
        tqdm(total=total, unit="clip", desc="making clips", disable=not progress) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        for split, count in zip(SPLITS, recipe["counts"], strict=True):
            _make_split(folder, split, count * len(VERBS) * len(NOUNS), recipe, pool, bar)
    write_classes(folder)
    remove_unfinished(folder / "videos")
    write_whole(manifest, json.dumps({**recipe, "clips": total}).encode())
    return folder


def examples(split: str, folder: str | Path | None = None, *, verbs: Collection[str] | None = None) -> list[Example]:
    """The clips of a split with their labels, {"verb": 0..18, "noun": 0..9}; the default set is made if it is missing.

    Args:
      folder: a folder that `make_clips` made; None for the default set.
      verbs: names of the verbs wanted; None for all.

    Raises:
      ValueError: where there is no such split or verb, or the folder holds no complete set.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
    if unknown := sorted(set(verbs or ()) - set(VERBS)):
        raise ValueError(f"no verb is named {', '.join(unknown)}: choose from {', '.join(VERBS)}")
    folder = make_clips() if folder is None else Path(folder)
    if not (folder / "manifest.json").exists():
        raise ValueError(
            f"{folder} holds no complete set of clips: make_clips({str(folder)!r}, …) makes or completes it"
        )
    rows = read_epic(folder / "epic" / f"EPIC_100_{split}.csv")
    return [_example(folder, row) for row in rows if verbs is None or row["verb"] in verbs]


def truth(example: Example) -> Truth:
    """The object's mask and the events of one embedded clip.

    Raises:
      ValueError: where the example is none of the embedded clips.
    """
    folder, split = example.path.parents[1], example.id.split("-")[0]
    if not (folder / "truth" / f"{split}.npz").exists():
        raise ValueError(f"{example.path} is none of the embedded clips: no truth lies beside it")
    masks, shape, events = _truths(folder, split)
    index = int(example.id.split("-")[1].split("_")[0])
    mask = np.unpackbits(masks[index], count=int(np.prod(shape))).reshape(shape).astype(bool)
    return Truth(mask=mask, events=tuple(tuple(event) for event in events[index]))


@functools.lru_cache(maxsize=4)
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 handwritten digits, float32 (n, 8, 8) in [0, 1], and what they are, int (n,).

    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (UCI, CC BY 4.0), as in scikit-learn.
    """
    with resources.files("vivit_edu.data.clips").joinpath("digits.npz").open("rb") as file, np.load(file) as stored:
        return stored["images"].astype(np.float32) / 16, stored["labels"].astype(np.int64)


def digit_images(split: str, seed: int) -> list[np.ndarray]:
    """The indices of the images that a split may show, one array for each digit; no two splits share one."""
    _, labels = digits()
    rng = np.random.default_rng([seed, 7])
    ends = np.cumsum(SHARES)
    chosen = []
    for noun in range(len(NOUNS)):
        images = rng.permutation(np.flatnonzero(labels == noun))
        cuts = np.round(ends * len(images)).astype(int)
        chosen.append(np.split(images, cuts[:-1])[SPLITS.index(split)])
    return chosen


def _make_split(folder, split, count, recipe, pool, bar):
    numbers = range(count)
    work = functools.partial(_make_one, folder, split, recipe, digit_images(split, recipe["seed"]))
    made = []
    for result in pool.map(work, numbers):
        made.append(result)
        bar.update()
    masks = io.BytesIO()
    shape = (recipe["frames"], recipe["size"], recipe["size"])
    np.savez(
        masks,
        masks=np.stack([mask for _, mask, _ in made]) if made else np.zeros((0, 0), np.uint8),
        shape=shape,
    )
    write_whole(folder / "truth" / f"{split}.npz", masks.getvalue())
    write_whole(folder / "truth" / f"{split}.json", json.dumps([events for _, _, events in made]).encode())
    clips = [clip for clip, _, _ in made]
    write_annotations(folder, split, clips, frames=recipe["frames"], fps=recipe["fps"])


def _make_one(folder, split, recipe, images, number):
    """Draws one clip from a seed of its own and writes it unless it is there; returns its label, mask and events."""
    noun, verb = number % len(NOUNS), VERBS[number // len(NOUNS) % len(VERBS)]
    rng = np.random.default_rng([recipe["seed"], SPLITS.index(split), number])
    digit = digits()[0][rng.choice(images[noun])]
    path = track(verb, recipe["frames"] // TUBELET, rng)
    clip = draw(digit, path, recipe["size"], rng)
    name = f"{split}-{number:05d}"
    file = folder / "videos" / f"{stem(name, recipe['frames'] / recipe['fps'])}.mp4"
    if not file.exists():
        # Each frame is coded alone: traces of earlier frames would tell a model of single tubelets their order.
        write_clip(file, clip.frames, fps=recipe["fps"], key_every=1)
    return (name, verb, noun), np.packbits(clip.mask), path.events


def _example(folder, row):
    labels = {"verb": int(row["verb_class"]), "noun": int(row["noun_class"])}
    return Example(path=folder / "videos" / f"{row['video_id']}.mp4", labels=labels, id=row["video_id"])


@functools.lru_cache(maxsize=8)
def _truths(folder, split):
    with np.load(folder / "truth" / f"{split}.npz") as stored:
        masks, shape = stored["masks"], tuple(stored["shape"])
    return masks, shape, json.loads((folder / "truth" / f"{split}.json").read_text())


def _check(recipe):
    if any(not isinstance(count, int) or count < 0 for count in recipe["counts"]) or not sum(recipe["counts"]):
        raise ValueError(f"train, validation and test must be whole numbers, not all 0; got {recipe['counts']}")
    if recipe["frames"] < 16 or recipe["frames"] % TUBELET:
        raise ValueError(f"frames must be at least 16 and even, whole tubelets of 2; got {recipe['frames']}")
    if recipe["size"] < 16 or recipe["size"] % 2:
        raise ValueError(f"size must be at least 16 pixels and even; got {recipe['size']}")
    if not recipe["fps"] > 0:
        raise ValueError(f"fps must be above 0; got {recipe['fps']}")


def _check_same(folder, recipe):
    before = folder / "recipe.json"
    if before.exists() and json.loads(before.read_text()) != recipe:
        raise ValueError(f"{folder} holds clips made with other arguments, {before.read_text()}: choose another folder")
