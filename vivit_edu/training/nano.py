"""The embedded models, trained on the embedded clips: `make models`, or `python -m vivit_edu.training.nano NAME`."""

import argparse
import dataclasses
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from flax import nnx

from vivit_edu.config import named
from vivit_edu.data import Example, clips
from vivit_edu.data.cache import write_whole
from vivit_edu.model import ViT, ViViT
from vivit_edu.pretrained import save
from vivit_edu.pretrained.load import WEIGHTS, folder_of
from vivit_edu.pretrained.start.fit import fit as fit_parameters
from vivit_edu.pretrained.start.fit import places
from vivit_edu.training.evaluate import predict
from vivit_edu.training.loop import fit
from vivit_edu.training.recipe import Recipe

CLIPS = {"train": 63, "validation": 0, "test": 0}  # of each class, for video: the default set and twice as many more
RECIPES = {
    "ViT-nano/8": Recipe(steps=1600, batch=96, learning_rate=4e-3, weight_decay=0.2),
    "ViViT-nano/8x2": Recipe(steps=3000),
    "ViViT-nano/8x2 FE": Recipe(steps=3000),
    "ViViT-nano/8x2 FSA": Recipe(steps=3000),
    "ViViT-nano/8x2 FDP": Recipe(steps=3000),
    "ViViT-nano/8x2 AP": Recipe(steps=3000),
}


def train(name: str, *, recipe: Recipe | None = None) -> tuple[ViViT, dict]:
    """An embedded model trained anew from random numbers, and its card.

    The image model sees single frames, drawn at random from the default clips, and names the digit. A card holds
    the recipe, the data's hash, and scores on the default test clips with 95 % intervals.

    Raises:
      KeyError: where no embedded model has this name.
    """
    if name not in RECIPES:
        raise KeyError(f"no embedded model is named {name!r}: choose from {', '.join(RECIPES)}")
    recipe = recipe or RECIPES[name]
    image = name.startswith("ViT-")
    examples = clips.examples("train", None if image else clips.make_clips(**CLIPS))
    model = ViViT(named(name), rngs=nnx.Rngs(recipe.seed))  # one frame and Model 1: the parameters of a ViT
    fit(model, examples, recipe)
    return model, {
        "name": name,
        "command": f'python -m vivit_edu.training.nano "{name}"',
        "recipe": dataclasses.asdict(recipe),
        "clips": {"train": len(examples), "sha256": digest(examples)},
        "versions": {package: version(package) for package in ("jax", "flax", "optax")},
        "scores": scores(model, clips.examples("test")),
    }


def scores(model: ViViT, examples: list[Example]) -> dict[str, tuple[float, float, float]]:
    """Accuracy in [0, 1] of each head, and of the verbs by kind, with the ends of its 95 % interval (Wilson 1927)."""
    logits, labels = predict(model, examples)
    right = {head: logits[head].argmax(-1) == labels[head] for head in logits}
    if "verb" in right:
        kinds = np.array([clips.KINDS[clips.VERBS[verb]] for verb in labels["verb"]])
        right |= {f"verb, {kind}": right["verb"][kinds == kind] for kind in sorted(set(kinds))}
        right["action"] = right["verb"] & right["noun"]
    return {what: wilson(hits) for what, hits in right.items()}


def wilson(hits: np.ndarray, z: float = 1.96) -> tuple[float, float, float]:
    """The share of hits and the ends of its interval of z standard errors, all rounded to 4 places."""
    n, p = len(hits), hits.mean()
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return tuple(round(float(x), 4) for x in (p, *((centre + sign * half) / (1 + z**2 / n) for sign in (-1, 1))))


def digest(examples: list[Example]) -> str:
    """The SHA-256 of the examples' files, in their order."""
    total = hashlib.sha256()
    for example in examples:
        total.update(example.path.read_bytes())
    return total.hexdigest()


def as_image_model(model: ViViT) -> ViT:
    """The ViT of the same parameters: a Model 1 that was trained on clips of one frame takes images from here on."""
    image = ViT(model.config, rngs=nnx.Rngs(0))
    arrays = {name: np.asarray(param[...]) for name, param in places(model).items()}
    fit_parameters(image, arrays, source=model.config.name)
    return image


def readme(card: dict) -> str:
    """A model's card in Markdown."""
    rows = [f"| {what} | {p:.1%} | {low:.1%} to {high:.1%} |" for what, (p, low, high) in card["scores"].items()]
    recipe = ", ".join(f"{field} {value}" for field, value in card["recipe"].items())
    return "\n".join(
        [
            f"# {card['name']}",
            "",
            "Trained from random numbers on the embedded clips of `vivit_edu`, handwritten digits that move. "
            f"`{card['command']}` makes it again.",
            "",
            "| on the test clips | right | 95 % interval |",
            "|---|---|---|",
            *rows,
            "",
            f"Recipe: {recipe}; with "
            + ", ".join(f"{package} {number}" for package, number in card["versions"].items())
            + f". SHA-256 of the training files: `{card['clips']['sha256']}`. `card.json` says the same.",
            "",
        ]
    )


def write(name: str, folder: Path) -> dict:
    """Trains an embedded model, writes it as float16 with its card, and returns the card."""
    model, card = train(name)
    model = as_image_model(model) if name.startswith("ViT-") else model
    save(model, folder, dtype="float16", card=readme(card))
    write_whole(folder / "card.json", (json.dumps(card, indent=2, allow_nan=False) + "\n").encode())
    return card


def main(arguments: list[str] | None = None) -> None:
    """Trains the embedded models named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m vivit_edu.training.nano", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder of folders; default: the package's own")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(RECIPES)):
        parser.error(f"no embedded model is named {', '.join(unknown)}: choose from {', '.join(RECIPES)}")
    for name in options.names or RECIPES:
        write(name, options.out / folder_of(name))


if __name__ == "__main__":
    main()
