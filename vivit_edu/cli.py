"""The command line: `vivit-edu`, or `python -m vivit_edu`. An error is one sentence, with exit code 2."""

import argparse
import pathlib
import sys

EXAMPLE = '"ViViT-B/16x2 FE"'


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 2 where the arguments or the files they name will not do."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, KeyError, OSError, ImportError) as error:
        # str(KeyError) is the repr of its message
        sentence = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"vivit-edu: {sentence}", file=sys.stderr)
        return 2
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="vivit-edu", description="Video vision transformers, taught.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="the embedded clips").add_subparsers(required=True, metavar="ACTION")
    make = data.add_parser("make", help="write the embedded clips as mp4 files")
    make.add_argument("folder", nargs="?", type=pathlib.Path, help="where to (default: the user's cache)")
    make.set_defaults(run=_make_clips)

    cost = commands.add_parser("cost", help="parameters, operations and memory of a model")
    cost.add_argument("name", help=f"for example {EXAMPLE}")
    cost.add_argument("--classes", type=int, default=400, help="default: %(default)s")
    cost.add_argument("--frames", type=int, default=32, help="frames of a clip; default: %(default)s")
    cost.add_argument("--size", type=int, default=224, help="height and width of a frame; default: %(default)s")
    cost.add_argument("--views", type=int, default=1, help="clips seen of one video; default: %(default)s")
    cost.add_argument("--batch", type=int, default=1, help="clips in a training step; default: %(default)s")
    cost.set_defaults(run=_show_cost)

    explain = commands.add_parser("explain", help="write a page in which one sees where a model looks in a clip")
    explain.add_argument("clip", type=pathlib.Path, help="a video file")
    explain.add_argument("--model", default="ViViT-nano/8x2 FE", help="a name or a folder; default: %(default)s")
    explain.add_argument("--out", type=pathlib.Path, required=True, help="the HTML file to write")
    explain.add_argument("--layers", nargs="+", help="such as space/2; default: all")
    explain.add_argument("--heads", nargs="+", help="such as 0 mean max; default: all")
    explain.add_argument("--every", type=int, default=1, help="2 keeps a quarter of the queries, for large models")
    explain.set_defaults(run=_explain)
    return parser


def _make_clips(options):
    from vivit_edu import data

    print(data.make_clips(options.folder))


def _show_cost(options):
    from vivit_edu import cost, named

    config = named(options.name, classes=options.classes, frames=options.frames, size=options.size)
    memory = cost.memory(config, batch=options.batch)
    total, attention = memory.total / 2**30, memory.attention / 2**30
    rows = [
        ("parameters", f"{cost.parameters(config) / 1e6:,.2f} M"),
        ("operations", f"{cost.flops(config, views=options.views) / 1e9:,.1f} G multiply-adds"),
        ("training", f"{total:,.2f} GiB, of which attention weights {attention:,.2f} GiB"),
    ]
    print(config.name)
    for what, much in rows:
        print(f"  {what:<11} {much}")


def _explain(options):
    from vivit_edu import explain, pretrained

    chosen = {"layers": options.layers, "heads": options.heads, "every": options.every}
    print(explain.export_html(pretrained.load(options.model), options.clip, options.out, **chosen))
