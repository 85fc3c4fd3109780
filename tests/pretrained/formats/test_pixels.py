"""A folder's model takes pixels in [-1, 1], whatever its processor makes of them: every field of it is read."""

import itertools
import json
import shutil

import golden_files
import numpy as np
import pytest

import vivit_edu as ve

IMAGES, VIDEOS = "preprocessor_config.json", "video_preprocessor_config.json"
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
MEAN, DEVIATION = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
SILENT = {  # what each class of transformers does where its file says nothing
    "ViTImageProcessor": {"rescale_factor": 1 / 255, "offset": False, "image_mean": 0.5, "image_std": 0.5},
    "BitImageProcessor": {
        "rescale_factor": 1 / 255,
        "offset": False,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_DEVIATION,
    },
    "VivitImageProcessor": {"rescale_factor": 1 / 127.5, "offset": True, "image_mean": 0.5, "image_std": 0.5},
}
OF_A_FOLDER = {"vit": "ViTImageProcessor", "dinov2": "BitImageProcessor", "vivit": "VivitImageProcessor"}


def processed(frames, record, kind):
    """What transformers' processor makes of frames of the model's own size, in float64."""
    record = {"do_rescale": True, "do_normalize": True} | SILENT[OF_A_FOLDER[kind]] | record
    pixels = frames.astype(np.float64)
    if record["do_rescale"]:
        pixels = pixels * record["rescale_factor"] - (1 if record["offset"] else 0)
    if record["do_normalize"]:
        pixels = (pixels - np.array(record["image_mean"])) / np.array(record["image_std"])
    return pixels


@pytest.fixture(scope="module")
def plain():
    """Each folder's model without a processor, with frames of whole numbers from 0 to 255."""
    models = {kind: ve.pretrained.load(golden_files.HERE / f"transformers_{kind}") for kind in OF_A_FOLDER}
    frames = {}
    for kind, model in models.items():
        shape = (2, *(() if kind != "vivit" else (model.config.frames,)), *model.config.size, 3)
        frames[kind] = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    return models, frames


@pytest.fixture
def check(tmp_path, plain):
    """Holds a folder with these files against its model given what the processor makes of the frames."""

    def is_the_processor_s(kind, files, record):
        folder = shutil.copytree(golden_files.HERE / f"transformers_{kind}", tmp_path / kind, dirs_exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content))
        models, frames = plain
        ours = ve.pretrained.load(folder)(ve.data.normalise(frames[kind]))
        theirs = models[kind](processed(frames[kind], record, kind).astype(np.float32))
        # sums of large pixels, in float32, in another order
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5, err_msg=str(files))

    return is_the_processor_s


GRID = {"do_rescale": (None, False), "rescale_factor": (None, 1 / 255, 0.02), "do_normalize": (None, False)}
GRID |= {"offset": (None, False), "image_mean": (None, MEAN, 0.3), "image_std": (None, DEVIATION)}
RECORDS = [
    {name: value for name, value in zip(GRID, values, strict=True) if value is not None}
    for values in itertools.product(*GRID.values())
]
SAID = np.random.default_rng(0).permutation(len(RECORDS))


@pytest.mark.parametrize("kind", OF_A_FOLDER)
def test_every_combination_of_fields_gives_the_model_s_answer(kind, check):
    for record in [RECORDS[index] for index in SAID[:12]]:
        if kind == "vivit" and not record.get("do_rescale", True):
            record = record | {"offset": False}
        for named in ({}, {"image_processor_type": OF_A_FOLDER[kind]}):
            check(kind, {IMAGES: record | named}, record)


@pytest.mark.parametrize(
    "record",
    [
        {"do_rescale": False, "do_normalize": False, "offset": False},
        {"do_rescale": False, "offset": False, "image_mean": [120.0, 110.0, 100.0], "image_std": [60.0, 50.0, 40.0]},
        {"rescale_factor": 1 / 255, "offset": False, "image_mean": MEAN, "image_std": DEVIATION},
        {"rescale_factor": 1 / 127.5, "offset": True, "do_normalize": False},
        {},
    ],
)
def test_a_vivit_s_scale_and_offset_are_read(record, check):
    check("vivit", {IMAGES: record}, record)


@pytest.mark.parametrize(
    ("kind", "files", "record"),
    [
        ("vivit", {VIDEOS: {"image_mean": MEAN}}, {"image_mean": MEAN}),
        (
            "vivit",
            {VIDEOS: {"rescale_factor": 0.01, "video_processor_type": "VivitVideoProcessor"}},
            {"rescale_factor": 0.01},
        ),
        ("vit", {"processor_config.json": {"image_processor": {"image_std": DEVIATION}}}, {"image_std": DEVIATION}),
        ("dinov2", {"processor_config.json": {"video_processor": {"do_normalize": False}}}, {"do_normalize": False}),
        ("vit", {"processor_config.json": {"image_processor": {"image_mean": MEAN}}, IMAGES: {}}, {"image_mean": MEAN}),
        (
            "vit",
            {"processor_config.json": {"processor_class": "X"}, IMAGES: {"image_mean": MEAN}},
            {"image_mean": MEAN},
        ),
        ("vivit", {VIDEOS: {"image_mean": MEAN}, IMAGES: {"image_mean": MEAN}}, {"image_mean": MEAN}),
        ("vit", {IMAGES: {"image_mean": None, "image_std": None}}, {}),
        ("dinov2", {IMAGES: {"image_processor_type": "BitImageProcessorFast"}}, {}),
        (
            "vit",
            {IMAGES: {"image_processor_type": "CLIPImageProcessor"}},
            {"image_mean": CLIP_MEAN, "image_std": CLIP_DEVIATION},
        ),
        ("vit", {IMAGES: {"feature_extractor_type": "ViTFeatureExtractor", "size": 224, "resample": 2}}, {}),
        ("dinov2", {IMAGES: {"do_resize": True, "size": {"shortest_edge": 15}, "do_center_crop": True}}, {}),
    ],
)
def test_every_file_that_may_define_pixels_is_read(kind, files, record, check):
    check(kind, files, record)


@pytest.mark.parametrize(
    ("kind", "record", "sentence"),
    [
        ("vivit", {"do_rescale": False}, "offset is for a Vivit processor that rescales"),
        ("vit", {"offset": True}, "offset is for a Vivit processor that rescales"),
        ("vit", {"image_processor_type": "LayoutLMv3ImageProcessor"}, "is of a 'LayoutLMv3ImageProcessor'; known are"),
        ("vit", {"do_flip_channel_order": True}, "do_flip_channel_order is True, which no embedding can stand for"),
        ("vit", {"do_pad": True}, "do_pad is True"),
        ("vit", {"do_normalize": "yes"}, "do_normalize is 'yes', neither true nor false"),
        ("vit", {"do_rescale": None}, "do_rescale is None, neither true nor false"),
        ("vit", {"rescale_factor": "1/255"}, "rescale_factor is 1/255; a number"),
        ("vit", {"rescale_factor": None}, "rescale_factor is None; a number"),
        ("vit", {"rescale_factor": float("inf")}, "rescale_factor is inf; a number"),
        ("vit", {"image_mean": [0.5, 0.5]}, r"image_mean is \[0.5, 0.5\]; a number, or one for each of 3 channels"),
        ("vit", {"image_mean": ["a"] * 3}, "image_mean is .*; a number, or one"),
        ("vit", {"image_std": [0.5, 0.0, 0.5]}, "image_std must be above 0"),
    ],
)
def test_what_cannot_be_folded_is_refused_by_name(kind, record, sentence, tmp_path):
    folder = shutil.copytree(golden_files.HERE / f"transformers_{kind}", tmp_path, dirs_exist_ok=True)
    (folder / IMAGES).write_text(json.dumps(record))
    with pytest.raises(ValueError, match=rf"preprocessor_config\.json.*{sentence}"):
        ve.pretrained.load(folder)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({IMAGES: {}, VIDEOS: {"do_normalize": False}}, r"preprocessor.*video_preprocessor.* make different numbers"),
        ({VIDEOS: {"offset": False}}, "VivitVideoProcessor subtracts 1 all the same"),
        ({"processor_config.json": {"image_processor": "ViT"}}, "image_processor is 'ViT', no object"),
        ({"processor_config.json": []}, "holds no JSON object"),
    ],
)
def test_files_that_disagree_or_are_none_are_refused_by_name(files, sentence, tmp_path):
    folder = shutil.copytree(golden_files.HERE / "transformers_vivit", tmp_path, dirs_exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=sentence):
        ve.pretrained.load(folder)


def test_pixels_in_minus_one_to_one_leave_every_parameter_as_it_was(tmp_path):
    folder = shutil.copytree(golden_files.HERE / "transformers_vivit", tmp_path, dirs_exist_ok=True)
    (folder / IMAGES).write_text(json.dumps({"do_normalize": False, "rescale_factor": 0.00784313725490196}))
    report = ve.pretrained.Report()
    ve.pretrained.load(folder, report=report)
    assert str(report) == "every parameter as it was"
    (folder / IMAGES).write_text(json.dumps({"image_mean": MEAN}))
    ve.pretrained.load(folder, report=report)
    assert "what preprocessor_config.json makes of them" in report.changed["tokenise"]


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"image_std": 1e-40}, r"5e\+39"),
        ({"image_std": [0.5, 0.5, 5e-324]}, "inf"),
        ({"image_mean": 1e300}, r"2e\+300"),
        ({"image_mean": 1e300, "image_std": 1e-300}, "inf"),
        ({"rescale_factor": 1e40}, r"5.1e\+42"),
    ],
)
def test_numbers_that_no_embedding_holds_are_refused(fields, made, tmp_path):
    folder = shutil.copytree(golden_files.HERE / "transformers_vit", tmp_path / "vit")
    (folder / IMAGES).write_text(json.dumps({"image_processor_type": "ViTImageProcessor", **fields}))
    with pytest.raises(ValueError, match=rf"{IMAGES} makes numbers as large as {made} of pixels: rescale_factor .*"):
        ve.pretrained.load(folder)
