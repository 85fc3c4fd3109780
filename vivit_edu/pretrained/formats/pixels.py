"""What a folder's processor makes of pixels, read whole, and the embedding that takes pixels in [-1, 1] instead."""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vivit_edu.arrays import plain
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.stored import Derived, read_json

HALF, CLIP = 0.5, ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
PLAIN = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": HALF, "image_std": HALF}
LEVIT = PLAIN | {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
VIVIT = PLAIN | {"rescale_factor": 1 / 127.5, "offset": True}
# What a processor of transformers does where its file is silent, by the beginning of its class's name.
DEFAULTS = dict.fromkeys(("ViT", "DeiT", "Beit", "ConvNext", "Siglip", "VideoMAE"), PLAIN)
DEFAULTS |= dict.fromkeys(("Bit", "CLIP"), PLAIN | dict(zip(("image_mean", "image_std"), CLIP, strict=True)))
DEFAULTS |= {"Levit": LEVIT, "Vivit": VIVIT}
ENDINGS = ("ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "VideoProcessor", "FeatureExtractor")
OF_A_MODEL = {"vit": "ViT", "dinov2": "Bit", "vivit": "Vivit"}  # where the file does not name its class
# Flags under which pixels of the model's own size keep their values.
HARMLESS = ("do_resize", "do_center_crop", "do_convert_rgb", "do_sample_frames", "do_reduce_labels")
LARGEST = 1e6  # of what a processor makes; its square must not be too large for float32, far from it
NESTED, IMAGES, VIDEOS = "processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What a model is given for a pixel x in 0..255: `gain` x + `shift`, for each channel."""

    gain: np.ndarray
    shift: np.ndarray
    source: str

    def from_unit(self) -> tuple[np.ndarray, np.ndarray]:
        """Gain and shift of the same for pixels in [-1, 1]."""
        return 127.5 * self.gain, 127.5 * self.gain + self.shift


def pixels_of(folder: Path, kind: str, channels: int) -> Pixels | None:
    """What the folder's processor makes of pixels; None where the folder has none.

    Read are preprocessor_config.json, video_preprocessor_config.json and both nested in processor_config.json, which
    has the word where it speaks, as in transformers. Resizing and cropping are left to the caller.

    Raises:
      ValueError: where a field has no meaning here, or the files disagree.
    """
    found = []
    for source, record, video in _records(folder):
        settings = _settings(record, source, kind=kind, video=video)
        found.append(Pixels(*_line(settings, source, channels), source))
    for one, other in itertools.pairwise(found):
        if not (np.allclose(one.gain, other.gain) and np.allclose(one.shift, other.shift)):
            raise ValueError(f"{one.source} and {other.source} make different numbers of the same pixels")
    return found[0] if found else None


def _records(folder):
    """(source, record, whether of clips) of the processor of images and of that of clips, as far as there are any."""
    nested = read_json(folder / NESTED) if (folder / NESTED).exists() else {}
    for part, file in (("image_processor", IMAGES), ("video_processor", VIDEOS)):
        if part in nested:
            if not isinstance(nested[part], dict):
                raise ValueError(f"{folder / NESTED}: {part} is {str(nested[part])[:50]!r}, no object")
            yield f"{folder / NESTED} ({part})", nested[part], file == VIDEOS
        elif (folder / file).exists():
            yield str(folder / file), read_json(folder / file), file == VIDEOS


def _settings(record, source, *, kind, video):
    """The fields of one record that make pixels' values, those of its class where it is silent.

    Raises:
      ValueError: naming the field that has no meaning here.
    """
    name = _class(record, source, kind)
    silent = [field for field in ("image_mean", "image_std") if record.get(field) is None]
    fields = {*DEFAULTS[name], "offset"} - {*silent}
    settings = {"offset": False} | DEFAULTS[name] | {field: record[field] for field in fields if field in record}
    for flag in ("do_rescale", "do_normalize", "offset"):
        if not isinstance(settings[flag], bool):
            raise ValueError(f"{source}: {flag} is {settings[flag]!r}, neither true nor false")
    for field, value in record.items():
        if field.startswith("do_") and field not in (*HARMLESS, *settings) and value not in (False, None):
            raise ValueError(f"{source}: {field} is {value!r}, which no embedding can stand for")
    if settings["offset"] and (name != "Vivit" or not settings["do_rescale"]):
        raise ValueError(f"{source}: offset is for a Vivit processor that rescales (do_rescale), which this is not")
    if video and name == "Vivit" and settings["do_rescale"] and not settings["offset"]:
        raise ValueError(f"{source}: offset is false, but transformers' VivitVideoProcessor subtracts 1 all the same")
    return settings


def _class(record, source, kind):
    """The beginning of the name of the processor's class."""
    fields = ("image_processor_type", "video_processor_type", "feature_extractor_type")
    named = next((record[field] for field in fields if record.get(field) is not None), None)
    if named is None:
        return OF_A_MODEL[kind]
    for name in DEFAULTS:
        if named in [name + ending for ending in ENDINGS]:
            return name
    known = ", ".join(name + ENDINGS[0] for name in DEFAULTS)
    raise ValueError(f"{source} is of a {named!r}; known are {known} and their kin")


def _line(settings, source, channels):
    """Gain and shift for each channel: rescaled, less one where there is an offset, then normalised."""
    gain, shift = np.ones(channels), np.zeros(channels)
    if settings["do_rescale"]:
        gain, shift = gain * _numbers(settings, "rescale_factor", source, channels), shift - settings["offset"]
    if settings["do_normalize"]:
        mean, deviation = (_numbers(settings, field, source, channels) for field in ("image_mean", "image_std"))
        if not (deviation > 0).all():
            raise ValueError(f"{source}: image_std must be above 0; got {settings['image_std']}")
        with np.errstate(over="ignore"):  # told below
            gain, shift = gain / deviation, (shift - mean) / deviation
    with np.errstate(invalid="ignore"):  # infinite ones of both signs
        largest = np.fmax(abs(shift), abs(255 * gain + shift)).max()  # of black and white
    if largest > LARGEST:
        said = ", ".join(f"{field} {settings[field]}" for field in ("rescale_factor", "image_mean", "image_std"))
        raise ValueError(f"{source} makes numbers as large as {largest:g} of pixels: {said[:200]}")
    return gain, shift


def _numbers(settings, field, source, channels):
    """A number for each channel."""
    given = settings[field]
    numbers = list(map(plain, given)) if isinstance(given, list | tuple) and field != "rescale_factor" else [given]
    fine = [type(n) in (int, float) and math.isfinite(n) for n in numbers]
    if not all(fine) or len(numbers) not in (1, channels):
        raise ValueError(f"{source}: {field} is {str(given)[:80]}; a number, or one for each of {channels} channels")
    return np.broadcast_to(np.asarray(numbers, np.float64), channels)


def fold_pixels(ours: Mapping, folder: Path, kind: str, report: Report) -> dict:
    """The arrays whose embedding takes pixels in [-1, 1], where the folder says that the model takes others.

    The embedding is linear, so that gain and shift of the processor go into its kernel and bias exactly.
    """
    if "tokenise/kernel" not in ours or "tokenise/bias" not in ours:
        return dict(ours)
    pixels = pixels_of(folder, kind, ours["tokenise/kernel"].shape[-2])
    if pixels is None:
        return dict(ours)
    gain, shift = pixels.from_unit()
    if np.allclose(gain, 1, rtol=1e-6) and np.allclose(shift, 0, atol=1e-6):
        return dict(ours)
    kernel, bias = ours["tokenise/kernel"], ours["tokenise/bias"]
    told = f"{_listed(pixels.gain)} x + {_listed(pixels.shift)} of x in 0..255"
    report.change("tokenise", f"takes pixels in [-1, 1]: what {Path(pixels.source).name} makes of them, {told}, folded")
    return {
        **ours,
        "tokenise/kernel": Derived(lambda k: (k * gain[:, None]).astype(np.float32), kernel),
        "tokenise/bias": Derived(lambda k, b: (b + shift @ _over_places(k)).astype(np.float32), kernel, bias),
    }


def _listed(numbers):
    return f"{numbers[0]:g}" if np.ptp(numbers) == 0 else str([float(f"{n:g}") for n in numbers])


def _over_places(kernel):
    return kernel.sum(axis=tuple(range(kernel.ndim - 2)), dtype=np.float64)  # (C, D)
