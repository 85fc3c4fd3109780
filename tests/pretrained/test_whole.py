"""A save that is cut short anywhere leaves the old model or the new one; so does a reader beside it find them."""

import errno
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from toys import arrays_of, toy_model

import vivit_edu as ve
from vivit_edu.pretrained import whole
from vivit_edu.pretrained.formats.own import from_json
from vivit_edu.pretrained.stored import read_json, read_safetensors

STEPS = ("save_file", "write_text", "write_bytes", "replace", "unlink")  # of a save, whatever they are called on


@pytest.fixture(scope="module")
def models():
    """Of one shape, so that weights of one under the other's configuration would fit; and a third."""
    return toy_model(seed=1), toy_model(seed=2), toy_model(seed=3, width=12)


@pytest.fixture
def folder(tmp_path, models):
    return ve.pretrained.save(models[0], tmp_path / "model", card="# 0\n")


def held(folder, models):
    """The number of the model that the folder holds, all of it, by weights, configuration and card."""
    number = int((folder / "README.md").read_text()[2:])
    record = read_json(folder / "config.json")
    assert from_json(record["config"], source=folder) == models[number].config
    found = read_safetensors(whole.current_weights(folder, record["crc32"]), crc=record["crc32"])  # what `load` reads
    for name, value in arrays_of(models[number]).items():
        np.testing.assert_array_equal(found[name], value)
    return number


def at_each_step(monkeypatch, act):
    """Calls `act(count, name)` before the count-th step of a save."""
    done = []

    def before(owner, name):
        step = getattr(owner, name)

        def call(*args, **options):
            done.append(name)
            act(len(done), name)
            return step(*args, **options)

        monkeypatch.setattr(owner, name, call)

    for name in STEPS:
        before(whole if name == "save_file" else Path, name)
    return done


def files(folder):
    return sorted(path.name for path in folder.iterdir())


ERRORS = {
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "permission denied": PermissionError(errno.EACCES, "Permission denied"),
    "a signal": KeyboardInterrupt(),
    "memory": MemoryError(),
}


@pytest.mark.parametrize(("error", "other"), [*zip(ERRORS, (1, 2, 1, 2), strict=True)])
def test_an_error_at_any_step_leaves_one_model_whole(folder, models, monkeypatch, error, other):
    count = 0
    while True:
        count += 1
        with monkeypatch.context() as patch:

            def fail(step, name, count=count):
                if step == count:
                    raise ERRORS[error]

            done = at_each_step(patch, fail)
            try:
                ve.pretrained.save(models[other], folder, card=f"# {other}\n")
            except type(ERRORS[error]):
                pass
        if len(done) < count:
            break
        if held(folder, models) == other:
            ve.pretrained.save(models[0], folder, card="# 0\n")
    assert count > 7 and held(folder, models) == other
    assert files(folder) == ["README.md", "config.json", "model.safetensors"]


@pytest.mark.parametrize("other", [1, 2])
def test_a_process_killed_at_any_step_leaves_a_model_that_loads(folder, models, monkeypatch, tmp_path, other):
    at_each_step(monkeypatch, lambda step, _: shutil.copytree(folder, tmp_path / "killed" / str(step)))
    ve.pretrained.save(models[other], folder, card=None)
    monkeypatch.undo()
    found = []
    for left in sorted((tmp_path / "killed").iterdir(), key=lambda path: int(path.name)):
        crc = read_json(left / "config.json")["crc32"]
        loaded = np.asarray(read_safetensors(whole.current_weights(left, crc), crc=crc)["tokenise/kernel"])
        found.append([np.array_equal(loaded, arrays_of(models[n])["tokenise/kernel"]) for n in (0, other)].index(True))
        again = ve.pretrained.save(models[2], left, card="# 2\n")  # whatever was left is no hindrance
        assert held(again, models) == 2 and not list(again.glob("model.safetensors.????????"))
    assert found == sorted(found) and found[0] == 0 and found[-1] == 1 and len(found) > 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float8"}, "saved as float32 or float16; got 'float8'"),
        ({"card": "a lone \ud800"}, "a card is text of Unicode; got str"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_anything_is_written(folder, models, options, message):
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    with pytest.raises(ValueError, match=message):
        ve.pretrained.save(models[1], folder, **options)
    assert {name: (folder / name).read_bytes() for name in files(folder)} == before


def test_a_number_too_large_leaves_the_old_model(folder, models):
    large = toy_model(seed=4)
    large.heads.output.bias[...] = large.heads.output.bias[...] + 7e4
    with pytest.raises(ValueError, match="too large for float16"):
        ve.pretrained.save(large, folder, dtype="float16", card="# 1\n")
    assert held(folder, models) == 0


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "README.md"])
def test_a_folder_in_a_files_place_is_named(tmp_path, models, name):
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match=f"holds folders named {name}"):
        ve.pretrained.save(models[0], tmp_path, card="# 0\n")
    assert files(tmp_path) == [name]


def test_a_full_disk_as_safetensors_tells_it_is_an_error_of_the_system(folder, models, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(whole, "save_file", full)
    with pytest.raises(OSError, match=r"model\.safetensors cannot be written: .*No space left"):
        ve.pretrained.save(models[1], folder, card="# 1\n")
    assert held(folder, models) == 0


def test_a_reader_beside_a_writer_sees_one_model_or_the_other(folder, models):
    stop, failed = threading.Event(), []

    def write():
        number = 0
        while not stop.is_set():
            number = 1 - number
            try:
                ve.pretrained.save(models[number], folder)
            except Exception as error:
                failed.append(error)
                return

    writer = threading.Thread(target=write)
    writer.start()
    kernels = [arrays_of(model) for model in models[:2]]
    try:
        for _ in range(8):
            found = arrays_of(ve.pretrained.load(folder))
            assert any(all(np.array_equal(found[name], one[name]) for name in found) for one in kernels)
    finally:
        stop.set()
        writer.join()
    assert not failed


USERS = ["model.safetensors.original", "model.safetensors.previous", "model.safetensors.0123abcd", "notes.txt.part"]


@pytest.mark.parametrize("name", USERS)
def test_a_save_leaves_the_user_s_files(folder, models, name):
    (folder / name).write_text("x")
    os.utime(folder / name, (0, 0))
    (folder / "model.safetensors.deadbeef").mkdir()
    ve.pretrained.save(models[1], folder, card="# 1\n")
    assert (folder / name).read_text() == "x" and (folder / "model.safetensors.deadbeef").is_dir()
    assert held(folder, models) == 1


def test_what_a_killed_save_left_goes_with_the_next(folder, models):
    crc = read_json(folder / "config.json")["crc32"]
    left = [folder / f"model.safetensors.{crc:08x}", folder / "config.json.12.345.part"]
    for path in left:
        shutil.copyfile(folder / "model.safetensors", path)
        os.utime(path, (0, 0))
    ve.pretrained.save(models[2], folder, card="# 2\n")
    assert not any(path.exists() for path in left) and held(folder, models) == 2


@pytest.mark.parametrize("crc", [-1, 2**32, True, None])
def test_a_checksum_that_is_none_is_refused(folder, crc):
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**record, "crc32": crc}))
    with pytest.raises(ValueError, match="checksum"):
        ve.pretrained.load(folder)
