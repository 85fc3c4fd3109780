"""A video file, opened: its container, its film among other streams, and one sentence for whatever is wrong."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import av
from av.codec.context import Flags
from av.stream import Disposition

from vivit_edu.data.video.truncation import announced_bytes

# What stands before the name of a video codec in mp4, in Matroska and in AVI.
CODEC_NAMES = (rb"vide.{1,400}?stsd.{12}(.{4})", rb"\x86[\x81-\xbf](V_[\w/]+)", rb"vids(.{4})")
# Tags need not be UTF-8: older releases of PyAV must be told, newer ones take them and nothing to tell them.
TAGS = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
SOUGHT = 1 << 22  # bytes at either end in which that name is sought


@dataclasses.dataclass(frozen=True)
class Film:
    """An open file and the one of its streams that is the film."""

    path: Path
    container: av.container.InputContainer
    stream: av.VideoStream


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Film]:
    """The file, open while the context lasts; its film is decoded by one thread, in the decoder's own order.

    Raises:
      FileNotFoundError: where there is no such file.
      PermissionError: where it may not be read.
      ValueError: where it is empty, truncated, of another kind, holds no film, or one that no decoder knows.
    """
    path = Path(path)
    _check_file(path)
    with translated(path):  # "a:b.mp4" is no protocol a
        container = av.open(f"file:{path}", **TAGS)
    with container:
        stream = _film_of(path, container)
        stream.thread_type = "NONE"
        _let_broken_ones_through(stream.codec_context)
        yield Film(path, container, stream)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Whatever is raised inside becomes one sentence with the file's name and the reason."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{path} cannot be read as video: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Why a library could not go on."""
    if isinstance(error, av.error.FFmpegError):
        return f"it is damaged or of another kind ({error.strerror})"
    return f"{type(error).__name__}, {error}"


@contextlib.contextmanager
def reached(path: Path) -> Iterator[None]:
    """Whatever the file system answers inside becomes one sentence with the file's name."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no video file {path}") from error
    except PermissionError as error:
        raise PermissionError(f"{path} may not be read: its permissions, or a folder's above it, forbid it") from error
    except (OSError, ValueError) as error:  # a name too long, one with a zero in it, or no folder above it
        raise ValueError(f"{path} cannot be read as video: {getattr(error, 'strerror', error)}") from error


def _check_file(path):
    with reached(path):
        folder, held = path.is_dir(), path.stat().st_size
        if not folder:
            path.open("rb").close()
    if folder:
        raise ValueError(f"{path} is a folder, not a video file")
    if not held:
        raise ValueError(f"{path} is empty (0 bytes), not a video file")
    with translated(path):
        announced = announced_bytes(path)
    if announced is not None and announced > held:
        raise ValueError(f"{path} is truncated: it announces {announced} bytes and holds {held}")


def _film_of(path, container):
    """The stream that a player shows: no cover, one that can be decoded, and of those FFmpeg's best."""
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not films:
        kinds = ", ".join(stream.type for stream in container.streams if stream.type != "video") or "nothing"
        cover = " and a cover picture" if container.streams.video else ""
        raise ValueError(f"{path} holds no video, only {kinds}{cover}")
    known = [stream for stream in films if stream.codec_context is not None]
    if not known:
        raise ValueError(f"{path} cannot be read as video: no decoder knows its codec{_codec_name(path)}")
    best = container.streams.best("video")
    return best if best in known else max(known, key=_rank)  # a cover, or an unknown codec, may be called the best


def _let_broken_ones_through(context):
    """Asks for pictures that lack their references, marked as broken.

    HEVC's decoder else leaves them out in silence, and those behind take their places. H.264's leaves out only what
    comes before the first whole picture, where a film was cut: that never was a part of it.
    """
    if context.name != "h264":
        context.flags |= Flags.output_corrupt


def _rank(stream):
    """The default stream goes before others, then the one with more frames; of equals, max takes the first."""
    return bool(stream.disposition & Disposition.default), stream.frames


def _codec_name(path):
    """The letters that stand for the codec in the file, in brackets; nothing where they are not found."""
    with path.open("rb") as file:
        head = file.read(SOUGHT)
        file.seek(max(len(head), path.stat().st_size - SOUGHT))
        content = head + file.read()
    for pattern in CODEC_NAMES:
        if found := re.search(pattern, content, flags=re.DOTALL):
            return f" ({found[1].decode('ascii', 'backslashreplace')})"
    return ""
