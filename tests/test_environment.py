"""pyproject.toml, environment.yml and the locks say the same."""

import pathlib
import re
import tomllib

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = [c.split()[-1] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
HOLDS = {
    "lab": ["lab"],
    "book": ["book"],
    "test": ["lab", "book", "test"],
    "colab": ["lab", "test"],
}


def by_name(requirements):
    return {canonicalize_name(r.name): r for r in map(Requirement, requirements)}


def wanted(*extras):
    """What pyproject.toml asks for, the named extras included: name -> Requirement."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return by_name(lines)


def locked(name, python):
    """What a lock installs on one Python: name -> version."""
    text = re.sub(r"#.*|\\\n|--hash=\S+", "", (ROOT / f"requirements/{name}.txt").read_text())
    here = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    found = [Requirement(line) for line in text.splitlines() if line.strip()]
    found = [r for r in found if r.marker is None or r.marker.evaluate(here)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in found}


def conda():
    """The Python of environment.yml, and its packages: name -> Requirement."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = [p for line in lines if isinstance(line, dict) for p in line["pip"] if p != "-e ."]
    plain = [line for line in lines if isinstance(line, str)]
    python = next(line.removeprefix("python=") for line in plain if line.startswith("python="))
    tools = ("pip", "ffmpeg", f"python={python}")
    return python, by_name([*(line for line in plain if line not in tools), *pip])


def test_conda_environment_equals_the_package_with_its_lab():
    python, found = conda()
    assert python in PYTHONS
    assert {n: str(r.specifier) for n, r in found.items()} == {n: str(r.specifier) for n, r in wanted("lab").items()}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", HOLDS)
def test_lock_satisfies_the_package(lock, python):
    versions = locked(lock, python)
    for name, requirement in wanted(*HOLDS[lock]).items():
        assert name in versions, f"{name} is not in requirements/{lock}.txt: make lock"
        assert requirement.specifier.contains(versions[name], prereleases=True), (name, versions[name])


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", ["lab", "book"])
def test_one_environment_serves_lab_book_and_tests(lock, python):
    assert locked(lock, python).items() <= locked("test", python).items()


def test_colab_lock_keeps_what_colab_has():
    pins = by_name(
        line for line in (ROOT / "requirements/colab.in").read_text().splitlines() if line and line[0] != "#"
    )
    versions = locked("colab", "3.13")
    assert {name: f"=={versions[name]}" for name in pins} == {n: str(r.specifier) for n, r in pins.items()}


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_lock_holds_hashes_and_no_addresses(path):
    text = path.read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|\bfile:", text)
    entries = re.findall(r"^[A-Za-z0-9][^\s=]*==(?:.*\\\n)*.*", text, flags=re.MULTILINE)
    assert entries and all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"^(torch|tensorflow|nvidia)", text, flags=re.MULTILINE), "no second framework"
