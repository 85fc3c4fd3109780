"""The film among other streams, and one sentence with the file's name for whatever cannot be read."""

import io
import os
import pathlib

import av
import films
import numpy as np
import pytest
from av.stream import Disposition

from vivit_edu.data import Example, batches, read_clip, read_frames, video_info

SOUND = {"mp4": "aac", "m4a": "aac", "mp3": "libmp3lame", "flac": "flac", "mka": "aac"}
COVERED = ["a.mp3", "b.m4a", "c.flac", "d.mp4", "e.mka", "f.mp3"]


def add_cover(container, kind="png"):
    stream = container.add_stream(kind, rate=25)
    stream.width = stream.height = 64
    stream.pix_fmt = "rgb24" if kind == "png" else "yuvj420p"
    stream.disposition = Disposition.attached_pic
    return stream


def png():
    """A picture file's bytes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as out:
        put_cover(out, add_cover(out))
    return buffer.getvalue()


def put_cover(container, stream):
    picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8), format="rgb24")
    container.mux([*stream.encode(picture), *stream.encode(None)])


def add_sound(container, codec, seconds=1):
    stream = container.add_stream(codec, rate=44100, layout="mono")
    sound = np.zeros((1, 44100 * seconds), np.float32)
    format_ = stream.codec_context.codec.audio_formats[0].name
    if not format_.startswith("fltp"):
        sound = sound.astype({"s16": np.int16, "s16p": np.int16, "s32p": np.int32}[format_])
    frame = av.AudioFrame.from_ndarray(sound, format=format_, layout="mono")
    frame.rate = 44100
    return stream, frame


@pytest.mark.parametrize("name", COVERED)
def test_sound_with_a_cover_is_sound(tmp_path, name):
    with av.open(str(tmp_path / name), "w", format="mp4" if name == "b.m4a" else None) as out:
        stream, frame = add_sound(out, SOUND[name.split(".")[1]])
        if name == "e.mka":
            out.add_attachment("cover.png", "image/png", png())
        else:
            put_cover(out, add_cover(out, "mjpeg" if name[0] in "af" else "png"))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    for read in (read_frames, read_clip, video_info):
        with pytest.raises(ValueError, match=rf"{name} holds no video, only audio and a cover picture"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mp4", "b.mov", "c.mp4", "d.mp4"])
def test_a_cover_beside_a_film_is_no_film(tmp_path, name):
    plain = films.write(tmp_path / f"plain{name[1:]}", films.numbered(20))
    with av.open(str(plain)) as given, av.open(str(tmp_path / name), "w") as out:
        picture = add_cover(out, "mjpeg" if name[0] == "d" else "png") if name[0] != "c" else None
        copy = out.add_stream_from_template(given.streams.video[0])
        put_cover(out, picture or add_cover(out))
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    assert films.numbers(read_frames(tmp_path / name)) == list(range(20))
    assert video_info(tmp_path / name).fps == 25


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("b.mp4", "libx264"), ("c.webm", "libvpx-vp9"), ("d.mov", "mpeg4")]
)
def test_of_two_films_the_default_one_is_read(tmp_path, name, codec):
    frames = films.numbered(40)
    one, two = (
        films.write(tmp_path / f"{n}{name[1:]}", f, codec=codec) for n, f in enumerate((frames[:20], frames[20:]))
    )
    with av.open(str(one)) as first, av.open(str(two)) as second, av.open(str(tmp_path / name), "w") as out:
        copies = [out.add_stream_from_template(given.streams.video[0]) for given in (first, second)]
        copies[0].disposition, copies[1].disposition = Disposition(0), Disposition.default
        for given, copy in zip((first, second), copies, strict=True):
            for packet in given.demux(video=0):
                if packet.size:
                    packet.stream = copy
                    out.mux(packet)
    assert films.numbers(read_frames(tmp_path / name)) == list(range(20, 40))
    assert films.numbers(read_clip(tmp_path / name, frames=2, stride=3, start=0.4)) == [30, 33]


def test_a_tag_that_is_not_utf_8_is_no_fault(tmp_path):
    for name, codec in (
        ("a.mkv", "libx264"),
        ("b.avi", "mpeg4"),
        ("c.mov", "libx264"),
        ("d.webm", "libvpx-vp9"),
        ("e.flv", "flv"),
    ):
        path = tmp_path / name
        with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
            out.metadata["title"] = "Uebung"
            stream = out.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.options = films.QUICK.get(codec, {})
            for frame in films.numbered(5):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(stream.encode(None))
        content = path.read_bytes()
        assert b"Uebung" in content, name
        path.write_bytes(content.replace(b"Uebung", b"\xdc\xffbung"))
        assert films.numbers(read_frames(path)) == list(range(5)) and video_info(path).frames == 5, name


@pytest.mark.parametrize(
    ("name", "codec", "known", "unknown"),
    [
        ("a.mkv", "mjpeg", b"V_MJPEG", b"V_ABCDE"),
        ("b.avi", "mjpeg", b"MJPG", b"QQ9Z"),
        ("c.mov", "mjpeg", b"jpeg", b"zq7w"),
        ("d.webm", "libvpx-vp9", b"V_VP9", b"V_VPX"),
    ],
)
def test_an_unknown_codec_is_named(tmp_path, name, codec, known, unknown):
    content = films.write(tmp_path / name, films.numbered(5), codec=codec).read_bytes()
    (tmp_path / name).write_bytes(content.replace(known, unknown))
    with pytest.raises(
        ValueError, match=rf"{name} cannot be read as video: no decoder knows its codec \({unknown.decode()}\)"
    ):
        read_frames(tmp_path / name)


def test_a_name_with_a_colon_is_a_file_s_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = films.write(tmp_path / "plain.mp4", films.numbered(5)).read_bytes()
    for name in (
        "a:b.mp4",
        "http:clip.mp4",
        "concat:x|y.mp4",
        "data:,x.mp4",
        "pipe:0",
        "file:f.mp4",
        "50%d%.mp4",
        "-i.mp4",
    ):
        with open(name, "wb") as file:
            file.write(content)
        assert films.numbers(read_frames(name)) == list(range(5)) and video_info(os.fspath(name)).frames == 5


@pytest.mark.parametrize("kind", ["noise", "zeros", "header", "picture", "playlist"])
def test_whatever_else_is_wrong_is_one_sentence_with_the_file_s_name(tmp_path, kind):
    path = tmp_path / f"{kind}.mp4"
    whole = films.write(tmp_path / "whole.mp4", films.numbered(5)).read_bytes()
    content = {
        "noise": np.random.default_rng(0).bytes(4000),
        "zeros": bytes(4000),
        "header": whole[: whole.index(b"mdat") - 4],
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(60),
        "playlist": b"ffconcat version 1.0\nfile nothing.mp4\n",
    }[kind]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{kind}\.mp4 (cannot be read as video: |is |holds )"):
        read_frames(path)


def test_an_error_of_the_caller_s_own_stays_what_it_is(tmp_path):
    path = films.write(tmp_path / "clip.mp4", films.numbered(5))
    for where in ("choose", "resize"):
        with pytest.raises(ZeroDivisionError):
            read_frames(path, **{where: lambda value: 1 // 0})


def forbid(monkeypatch, method, path):
    """Lets a method of this one path's raise what the file system does where it may not be read."""
    done = getattr(pathlib.Path, method)

    def refused(self, *args, **options):
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return done(self, *args, **options)

    monkeypatch.setattr(pathlib.Path, method, refused)


@pytest.mark.parametrize("method", ["stat", "open"])  # a folder above it, or the file itself
def test_a_file_that_may_not_be_read_is_named_in_a_sentence(tmp_path, monkeypatch, method):
    path = films.write(tmp_path / "clip.mp4", films.numbered(5))
    forbid(monkeypatch, method, path)
    for read in (read_frames, read_clip, video_info):
        with pytest.raises(PermissionError, match=r"^/.*clip\.mp4 may not be read: its permissions, or a folder's"):
            read(path)
    with pytest.raises(PermissionError, match=r"^example 0: /.*clip\.mp4 may not be read"):
        list(batches([Example(path=path, labels={})], frames=2, size=8, batch=1))


@pytest.mark.parametrize("name", ["a" * 300 + ".mp4", "clip.mp4/b.mp4", "a\0b.mp4"])
def test_a_name_that_no_file_can_have_is_said_in_a_sentence(tmp_path, name):
    path = films.write(tmp_path / "clip.mp4", films.numbered(5)).parent / name
    for read in (read_frames, read_clip, video_info):
        with pytest.raises(
            ValueError, match=rf"^{path} cannot be read as video: (File name|Not a dir|(stat: )?embedded null)"
        ):
            read(path)
    with pytest.raises(FileNotFoundError, match="1 of 1 files are missing or empty; the first is example 0"):
        batches([Example(path=path, labels={})], frames=2, size=8, batch=1)


def test_a_file_that_is_gone_in_the_middle_of_a_run_is_named(tmp_path):
    first, second = (films.write(tmp_path / name, films.numbered(5)) for name in ("a.mp4", "b.mp4"))
    run = batches([Example(path=path, labels={}) for path in (first, second)], frames=2, size=8, batch=1)
    second.unlink()
    with pytest.raises(FileNotFoundError, match=r"^example 1: there is no video file /.*b\.mp4"):
        list(run)
