"""Damaged and hostile files of every kind are refused in one sentence, at once and in little memory."""

import io
import json
import shutil
import time
import tracemalloc
import zipfile

import golden_files
import jax
import msgpack
import numpy as np
import pytest
from checkpoints import google, nested
from flax import serialization
from toys import toy_model

import vivit_edu as ve
from vivit_edu.pretrained.formats import flax_bytes
from vivit_edu.pretrained.start.fit import places

SECONDS, BYTES = 5, 2**28  # a tenth of a second and a few MB are usual; the bound is for a busy machine
REFUSED = (ValueError, KeyError, FileNotFoundError)


def own(folder):
    ve.pretrained.save(toy_model(), folder)
    return folder, folder / "model.safetensors"


def hugging_face(folder):
    shutil.copytree(golden_files.HERE / "transformers_vit", folder, dirs_exist_ok=True)
    return folder, folder / "model.safetensors"


def archive(folder):
    np.savez(folder / "ViT.npz", **google(0)[0] | {"embedding/kernel": np.ones((4, 4, 3, 12), "f")})
    return folder / "ViT.npz", folder / "ViT.npz"


def packed(folder):
    np.savez_compressed(folder / "ViT.npz", **google(1)[0])
    return folder / "ViT.npz", folder / "ViT.npz"


def scenic(folder):
    params = golden_files.params_of(golden_files.load("scenic_m2_token.npz"))
    tree = {"optimizer": {"target": nested(params), "state": {"step": 3}}, "global_step": 3}
    (folder / "checkpoint").write_bytes(serialization.msgpack_serialize(tree))
    return folder, folder / "checkpoint"


KINDS = {"own": own, "hugging face": hugging_face, "npz": archive, "packed npz": packed, "scenic": scenic}
CHECKED = ("own", "npz", "packed npz")  # these have a checksum of every byte of their numbers
OPTIONS = {"npz": {"size": (8, 12)}, "packed npz": {"size": (8, 12)}}


def refusal(source, **options):
    """The sentence with which a source is refused, None where it loads; time and memory are within bounds."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        ve.pretrained.load(source, **options)
        sentence = None
    except REFUSED as error:
        sentence = str(error)
        assert sentence and "\n" not in sentence and "Traceback" not in sentence
    finally:
        seconds, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert seconds < SECONDS and peak < BYTES
    return sentence


def numbers(model):
    return {name: np.asarray(param[...]) for name, param in places(model).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_undamaged_file_loads(kind, tmp_path):
    assert refusal(KINDS[kind](tmp_path)[0], **OPTIONS.get(kind, {})) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_refused(kind, tmp_path):
    source, file = KINDS[kind](tmp_path)
    data = file.read_bytes()
    for end in [0, 1, 7, 8, 9, 100, *np.linspace(101, len(data) - 1, 14).astype(int)]:
        file.write_bytes(data[:end])
        assert refusal(source, **OPTIONS.get(kind, {})), end


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_bits_flipped_at_random_are_refused_or_harmless(kind, tmp_path):
    source, file = KINDS[kind](tmp_path)
    data, rng = file.read_bytes(), np.random.default_rng(0)
    places = [*rng.integers(0, min(3000, len(data)), 15), *rng.integers(0, len(data), 15)]
    options = OPTIONS.get(kind, {})
    before, accepted = numbers(ve.pretrained.load(source, **options)), 0
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << rng.integers(8)
        file.write_bytes(flipped)
        if refusal(source, **options) is None:
            accepted += 1
            if kind in CHECKED:  # then it was a time or an attribute of an archive's member, which mean nothing
                jax.tree.map(np.testing.assert_array_equal, before, numbers(ve.pretrained.load(source, **options)))
    assert kind != "own" or accepted == 0  # one checksum over the whole file


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_refused(kind, tmp_path):
    source, file = KINDS[kind](tmp_path)
    for seed in range(5):
        file.write_bytes(file.read_bytes()[: 4 * seed] + np.random.default_rng(seed).bytes(5000))
        assert refusal(source, **OPTIONS.get(kind, {}))


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(shape=(2,), offsets=(0, 8), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


LIES = {
    "a header longer than the file": (2**62).to_bytes(8, "little") + b"{}",
    "no JSON": safetensors(b"{not json"),
    "JSON nested too deep": safetensors(b"[" * 100_000),
    "no object": safetensors(b"[]"),
    "a number of many digits": safetensors(b'{"a": ' + b"9" * 100_000 + b"}"),
    "a shape beyond the file": safetensors({"a": tensor((2**40,), (0, 2**42))}),
    "a shape that overflows": safetensors({"a": tensor((2**40, 2**40), (0, 8))}, b"\0" * 8),
    "a negative size": safetensors({"a": tensor((-2,), (0, 8))}, b"\0" * 8),
    "offsets in reverse": safetensors({"a": tensor((2,), (8, 0))}, b"\0" * 8),
    "tensors that overlap": safetensors({"a": tensor(), "b": tensor()}, b"\0" * 8),
    "a gap": safetensors({"a": tensor((2,), (8, 16))}, b"\0" * 16),
    "bytes at the end": safetensors({"a": tensor()}, b"\0" * 9),
    "an unknown type": safetensors({"a": tensor(dtype="F5")}, b"\0" * 8),
    "a type that is a list": safetensors({"a": tensor(dtype=["F32"])}, b"\0" * 8),
    "a shape that is text": safetensors({"a": {"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}}, b"\0" * 8),
    "a true for a size": safetensors({"a": tensor((True, 2), (0, 8))}, b"\0" * 8),
    "an entry that is a number": safetensors({"a": 3}),
    "a hundred axes": safetensors({"a": tensor((1,) * 100, (0, 4))}, b"\0" * 4),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_safetensors_header_that_lies_is_refused(lie, tmp_path):
    folder, file = hugging_face(tmp_path)
    file.write_bytes(LIES[lie])
    assert refusal(folder)


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def header(text):
    text = text.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def zipped(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)


MEMBERS = {
    "a pickled object": npy(np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "records": npy(np.zeros(2, [("a", "f4")])),
    "text": npy(np.array(["a"])),
    "a shape beyond the member": header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"),
    "a negative shape": header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
    "a call in the header": header("__import__('os').abort()"),
    "brackets too deep": header("(" * 5000),
    "no header": b"\x93NUMPY\x01\x00\xff\xff",
    "an unknown version": b"\x93NUMPY\x09\x00" + b"\0" * 100,
    "another file": b"hello",
}


@pytest.mark.parametrize("member", MEMBERS)
def test_an_archive_of_anything_but_plain_numbers_is_refused(member, tmp_path):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        zipped(tmp_path / "ViT.npz", {"embedding/kernel.npy": MEMBERS[member]}, method)
        assert "embedding/kernel" in refusal(tmp_path / "ViT.npz")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = npy(np.zeros((2**26,), "f"))  # 256 MB in 260 kB
    with zipfile.ZipFile(tmp_path / "ViT.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("embedding/kernel.npy", bomb)
    del bomb
    assert "no honest archive" in refusal(tmp_path / "ViT.npz")


def test_an_archive_with_one_name_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "ViT.npz", "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        for _ in range(2):
            file.writestr("cls.npy", npy(np.zeros(3)))
    assert "two arrays of one name" in refusal(tmp_path / "ViT.npz")


def extension(shape, dtype, data):
    return msgpack.ExtType(1, msgpack.packb([shape, dtype, data]))


TREES = {
    "a shape beyond its bytes": {"embedding": {"kernel": extension([2**40], "float32", b"\0" * 8)}},
    "a negative shape": {"embedding": {"kernel": extension([-1], "float32", b"")}},
    "an unknown type": {"embedding": {"kernel": extension([2], "float99", b"\0" * 8)}},
    "an object type": {"embedding": {"kernel": extension([1], "object", b"\0" * 8)}},
    "a type that is a number": {"embedding": {"kernel": extension([2], 5, b"\0" * 8)}},
    "a shape that is text": {"embedding": {"kernel": extension("ab", "float32", b"\0" * 8)}},
    "an array of nothing": {"embedding": {"kernel": msgpack.ExtType(1, b"")}},
    "no arrays": {"embedding": {"kernel": 3}},
    "chunks that do not add up": {
        "embedding": {
            "__msgpack_chunked_array__": True,
            "shape": {"0": 9},
            "chunks": {"0": extension([1], "int8", b"a")},
        }
    },
    "a list": [1, 2, 3],
}
BYTES_OF = {name: msgpack.packb(tree) for name, tree in TREES.items()}
BYTES_OF["a map of 2^32 entries"] = b"\xdf\xff\xff\xff\xff" + b"\xa1a\xc0" * 100
BYTES_OF["lists too deep"] = b"\x81\xa1a" + b"\x91" * 100_000
BYTES_OF["a name twice"] = b"\x82\xa1a\xc0\xa1a\xc0"
BYTES_OF["too many values"] = b"\x81\xa1a\xdd" + (2**14).to_bytes(4, "big") + b"\xc0" * 2**14


@pytest.mark.parametrize("name", BYTES_OF)
def test_a_flax_tree_that_lies_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr(flax_bytes, "NODES", 10_000)  # checked signatures make each value slow here
    (tmp_path / "checkpoint").write_bytes(BYTES_OF[name])
    assert refusal(tmp_path)


RECORDS = {
    "frames without end": {"frames": 10**9},
    "a depth without end": {"depth": 10**9},
    "a width without end": {"width": 10**15, "heads": 1},
    "classes without end": {"classes": 10**15},
    "an unknown field": {"frame": 3},
    "a size of text": {"size": "large"},
    "a tubelet of lists": {"tubelet": [[1], [2], [3]]},
    "a null": {"heads": None},
    "a depth of less": {"depth": 1},
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_configuration_that_lies_is_refused(name, tmp_path):
    folder, _ = own(tmp_path)
    record = json.loads((folder / "config.json").read_text())
    record["config"] |= RECORDS[name]
    (folder / "config.json").write_text(json.dumps(record))
    assert refusal(folder)


def test_a_pickled_file_is_never_opened(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"cos\nabort\n(tR.")
    assert "pickled" in refusal(tmp_path / "model.pt")
    (tmp_path / "model.pt").write_bytes(b"\x80\x04cos\nabort\n(tR.")
    assert refusal(tmp_path / "model.pt")
    zipped(tmp_path / "pytorch_model.bin", {"archive/data.pkl": b"cos\nabort\n(tR."})
    assert refusal(tmp_path / "pytorch_model.bin")
