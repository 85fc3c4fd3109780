"""Builds the book into book/_build/html: every notebook is run, and a warning is an error.

The pages load nothing from other hosts. Of what a browser needs, plotly.min.js comes from the plotly
installed and MathJax from the wheel django-static-mathjax, which holds its files and needs no Django; both
are in the `book` extra. Explorers live on from their saved state, by a script of a few lines.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HTML = HERE / "_build" / "html"
MATHJAX = "mathjax/static/mathjax/es5/tex-svg-full.js"
MATHJAX_SHA256 = "214c3da890b16db3d1319684cc04f3fd4e72ea59d5eb3863f256146015fb1783"  # MathJax 3.2.2


def main(arguments=None) -> int:
    options = _options(arguments)
    bring_browser_files(HERE / "_static" / "vendor")
    draw_logo()
    pages = bring_notebooks(options.notebooks, HERE / "notebooks")
    os.environ.update(
        PLOTLY_RENDERER="plotly_mimetype",  # plotly 5 would also put its whole library into the page
        JUPYTER_PREFER_ENV_PATH="1",  # this environment's kernel, whatever the user has registered
        PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    )
    return sphinx(options, pages)


def _options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cached", action="store_true", help="keep outputs while neither notebook nor package change")
    parser.add_argument("--draft", action="store_true", help="leave out missing pages; warnings do not stop the build")
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="where the notebooks lie")
    parser.add_argument("--output", type=Path, default=HTML, help="where the pages go")
    return parser.parse_args(arguments)


def bring_browser_files(folder: Path) -> None:
    """Puts plotly.min.js, MathJax and the script that shows saved explorers into `folder`.

    Raises:
      SystemExit: where the file of MathJax is not the one this book was checked with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plotly = Path(importlib.util.find_spec("plotly").origin).parent / "package_data" / "plotly.min.js"
    mathjax = Path(importlib.metadata.distribution("django-static-mathjax").locate_file(MATHJAX))
    if hashlib.sha256(mathjax.read_bytes()).hexdigest() != MATHJAX_SHA256:
        raise SystemExit(f"{mathjax} is not the MathJax 3.2.2 this book was checked with")
    for file in (plotly, mathjax):
        shutil.copy2(file, folder / file.name)
    scripts = (ROOT / "vivit_edu" / "explain" / "explorer" / "static" / "page" / "saved.js", HERE / "widgets.js")
    text = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    (folder / "widgets.js").write_text(f"(() => {{\n{text}}})();\n", encoding="utf-8")


def draw_logo() -> None:
    sys.path[:0] = [str(HERE), str(ROOT)]
    import logo

    logo.draw(HERE / "_static" / "drawn")


def bring_notebooks(source: Path, folder: Path) -> list[str]:
    """Copies the notebooks beside the pages, where Sphinx can read them; returns their names."""
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.ipynb"):
        if not (source / stale.name).exists():
            stale.unlink()
    for notebook in sorted(source.glob("*.ipynb")):
        shutil.copy2(notebook, folder / notebook.name)
    return sorted(notebook.stem for notebook in source.glob("*.ipynb"))


def sphinx(options, pages) -> int:
    from sphinx.cmd.build import main as run

    work = HERE / "_build"
    arguments = ["-b", "html", "-d", str(work / "doctrees"), "-q"]
    if options.cached:
        cache = work / "outputs" / fingerprint()
        arguments += ["-D", "nb_execution_mode=cache", "-D", f"nb_execution_cache_path={cache}"]
    else:
        arguments += ["-E", "-a"]
    if options.draft:
        arguments += ["-D", f"external_toc_path={_toc_of_what_exists(work, pages)}"]
    else:
        arguments += ["-W", "--keep-going"]
    return run([*arguments, str(HERE), str(options.output)])


def fingerprint() -> str:
    """What the outputs depend on beside the notebooks: the package's files and a few versions."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("jax", "flax", "numpy", "plotly"):
        digest.update(f"{name}=={importlib.metadata.version(name)}".encode())
    for file in sorted((ROOT / "vivit_edu").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _toc_of_what_exists(work, pages):
    import yaml

    toc = yaml.safe_load((HERE / "_toc.yml").read_text())
    for part in toc["parts"]:
        part["chapters"] = [
            entry
            for entry in part["chapters"]
            if not entry["file"].startswith("notebooks/") or Path(entry["file"]).stem in pages
        ]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    work.mkdir(exist_ok=True)
    (work / "draft_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))
    return work / "draft_toc.yml"


if __name__ == "__main__":
    raise SystemExit(main())
