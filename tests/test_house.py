"""The house's rules, read off the syntax trees: who imports whom, and how long files and notebooks may be."""

import ast
import pathlib
import re
import subprocess
import sys

import nbformat
import pytest
import yaml

from vivit_edu.config import BACKBONES

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "vivit_edu"
FILES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

CORE = ("config", "tokens", "attention", "encoder", "model", "cost")
# Each module of the core, and the modules of this package that it may import.
MAY_IMPORT = {
    "arrays": set(),
    "config": {"arrays"},
    "tokens": {"arrays", "config"},
    "attention": {"arrays", "config"},
    "encoder": {"arrays", "config", "tokens", "attention"},
    "model": {"arrays", "config", "tokens", "attention", "encoder"},
    "cost": {"arrays", "config", "tokens", "attention", "encoder", "model"},
}
CHAPTERS = sorted(path.stem for path in (PACKAGE / "teach").glob("ch*.py"))
# The rooms of each wing, from the one that knows no other to the one that may know all; a module beside them counts
# as a room.
ROOMS = {
    "data": ("cache", "example", "sample", "video", "pipeline", "clips", "puzzles"),
    "explain": ("watch", "follow", "judge", "draw", "explorer"),
    "pretrained": ("report", "stored", "whole", "start", "formats", "published", "hub", "load"),
    "teach": ("result", "marking", "parts", "pictures", *CHAPTERS),
}
# Libraries that only some files may import, as patterns of their names. What explain computes, it computes
# without plotly; what it draws, it draws without widgets.
ONLY_IN = {
    "plotly": r"explain/draw/\w+\.py",
    "ipywidgets": r"explain/explorer/\w+\.py",
    "anywidget": r"explain/explorer/\w+\.py",
    "av": r"data/video/\w+\.py",
}
# Names of parameters in other people's checkpoints.
FOREIGN = re.compile(
    r"encoderblock|MultiHeadDotProduct|LayerNorm_\d|MlpBlock|posembed|Transformer/|query_key_value"
    r"|layernorm_(before|after)|\.attention\.(attention|output)|patch_embeddings"
)


def name(path):
    return path.relative_to(PACKAGE).as_posix()


def every(paths):
    """Parametrises by file, with the file's name as the test's."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.relative_to(ROOT).as_posix())


def imported(path, tree=None):
    """Dotted names of all modules that a file imports, inside functions too; `from a import b` gives a.b."""
    package = ["vivit_edu", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(tree or ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            near = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*near, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_core_imports_run_one_way(module):
    ours = {n.split(".")[1] for n in imported(PACKAGE / f"{module}.py") if n.startswith("vivit_edu.")}
    assert ours <= MAY_IMPORT[module]


@pytest.mark.parametrize("wing", ROOMS)
def test_rooms_import_one_way(wing):
    rooms = ROOMS[wing]
    for path in (PACKAGE / wing).rglob("*.py"):
        room = path.relative_to(PACKAGE / wing).parts[0].removesuffix(".py")
        if room == "__init__":  # the wing's own door
            continue
        known = {n.split(".")[2] for n in imported(path) if n.startswith(f"vivit_edu.{wing}.")}
        assert known <= set(rooms[: rooms.index(room) + 1]), f"{name(path)} looks up"


@every(sorted({path.parent for path in FILES}))
def test_a_folder_is_taken_in_at_a_glance(path):
    assert len([file for file in path.iterdir() if file.is_file()]) <= 12


@every(FILES)
def test_foreign_libraries_stay_in_their_files(path):
    for library in {n.split(".")[0] for n in imported(path)} & ONLY_IN.keys():
        assert re.fullmatch(ONLY_IN[library], name(path)), f"{library} is for {ONLY_IN[library]}"


@every([path for path in FILES if "pretrained" not in path.parts])
def test_foreign_parameter_names_stay_in_pretrained(path):
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert not [s for s in strings if FOREIGN.search(s)]


def test_importing_the_package_loads_no_plotting_and_no_video():
    heavy = "plotly av grain IPython mediapy matplotlib ipywidgets anywidget safetensors sklearn".split()
    code = f"""
import sys, einops, flax.nnx, jax
before = set(sys.modules)  # flax itself looks for IPython
import vivit_edu
print(sorted((set(sys.modules) - before) & set({heavy})))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_core_is_read_in_an_afternoon():
    assert sum(len((PACKAGE / f"{module}.py").read_text().splitlines()) for module in CORE) <= 1000


@every(FILES)
def test_no_file_is_above_250_lines(path):
    assert len(path.read_text().splitlines()) <= 250


@every([path for path in FILES if path.name != "cli.py"])
def test_library_does_not_print(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]


@every(FILES)
def test_public_names_are_documented(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body, "no docstring of the module"
    assert not list(undocumented(tree.body))


def undocumented(body):
    """Names of public functions, classes and methods without a docstring."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{n}" for n in undocumented(node.body))


def cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


@every(NOTEBOOKS)
def test_notebook_keeps_no_outputs(path):
    assert not [cell for cell in cells(path) if cell.outputs or cell.execution_count]
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


def test_notebooks_keep_nothing_that_the_hook_strips():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    options = next(hook["entry"] for hook in hooks if hook["id"] == "nbstripout").split()[1:]
    command = [sys.executable, "-m", "nbstripout", *options, "--verify", *map(str, NOTEBOOKS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@every(NOTEBOOKS)
def test_notebook_is_short(path):
    code = cells(path)
    assert len(code) <= 25
    assert {n: len(c.source.splitlines()) for n, c in enumerate(code) if len(c.source.splitlines()) > 15} == {}
    wide = [line for cell in code for line in cell.source.splitlines() if len(line) > 77]  # a page of 1280 px shows 77
    assert wide == []


@every(NOTEBOOKS)
def test_notebook_installs_itself_on_colab_and_only_there(path):
    first, *others = cells(path)
    installs = re.compile(r"^\s*[%!]\s*pip|\bpip install", flags=re.MULTILINE)
    assert '"google.colab" in sys.modules' in first.source and installs.search(first.source)
    assert not [cell.source for cell in others if installs.search(cell.source)]


@every(NOTEBOOKS)
def test_exercise_has_a_difficulty_a_hint_and_a_solution(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    exercises = re.findall(r"^(`+)\{exercise\}[^\n]*\n:label: (\S+)\n(.*?)^\1$", text, re.MULTILINE | re.DOTALL)
    assert len(exercises) == text.count("{exercise}")
    solved = re.findall(r"^`+\{solution\} (\S+)$", (ROOT / "book/solutions.md").read_text(), re.MULTILINE)
    for _, label, body in exercises:
        assert re.match(r"\*Difficulty [123] of 3, \d+ minutes\.\*", body) and "{dropdown} Hint" in body, label
        assert solved.count(label) == 1, label


def test_notation_tells_the_sizes_of_the_code():
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|", (ROOT / "book/notation.md").read_text(), re.MULTILINE)
    told = {name: tuple(map(int, sizes)) for name, *sizes in rows}
    assert told == {name: (b["depth"], b["heads"], b["width"]) for name, b in BACKBONES.items()}


def test_example_of_the_readme_runs():
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)[1]
    out = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.startswith("(1, 400) {'space/0': (1, ")
