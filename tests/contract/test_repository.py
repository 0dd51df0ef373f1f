"""The repository itself: what every file, folder, lock file and promised command must hold to."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Written in parts, for this file is searched too.
REGISTRIES = (
    "docker" + ".io",
    "gcr" + ".io",
    "ghcr" + ".io",
    "quay" + ".io",
    "registry" + ".k8s.io",
    "mcr" + ".microsoft",
)
REGISTRIES += ("pypi" + ".org", "python" + "hosted", "proxy.golang" + ".org", "sum.golang" + ".org")
HOME = re.compile(
    r"(?<![\w.])/(?:root(?!/\.cache/pip)|home/[a-z]\w*|Users/\w+)/[\w.]"
)  # but not the cache of pip inside an image build
HERE = re.compile("/work/" + "(?:main|shared)" + r"|/tmp/" + r"proto\b")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip(f"not a git checkout: {run.stderr.strip()}")
    return tuple(path for name in run.stdout.split("\0") if name and (path := ROOT / name).is_file())


def lines(pattern: re.Pattern[str]) -> list[str]:
    """`file:line: text` of every line of a text file that the pattern is found in."""
    found = []
    for path in tracked():
        try:
            content = path.read_text()
        except UnicodeDecodeError:
            continue
        if pattern.search(content):
            name = path.relative_to(ROOT)
            numbered = enumerate(content.splitlines(), 1)
            found += [f"{name}:{n}: {line.strip()[:100]}" for n, line in numbered if pattern.search(line)]
    return found


def test_the_source_root_called_operator_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists(), "it would shadow the standard library's module"


def test_no_file_names_the_host_of_a_registry() -> None:
    assert lines(re.compile("|".join(re.escape(host) for host in REGISTRIES))) == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    assert lines(HOME) == []
    assert lines(HERE) == []


def test_every_folder_with_tests_is_a_package() -> None:
    folders = {path.parent for path in tracked() if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"}
    assert [str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = [path for path in tracked() if path.suffix == ".md"]
    named = {
        t for path in documents for t in re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", path.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= named
    assert named - targets == set()


def test_every_link_from_a_document_to_a_file_of_ours_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!\w+:|#)([^)\s#]+)[^)]*\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def locked(path: Path) -> dict[str, list[str]]:
    """Lines of each pinned distribution of a lock file, by `name==version`."""
    joined = path.read_text().replace("\\\n", " ")
    entries = [line.split() for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return {entry[0]: entry[1:] for entry in entries}


@pytest.mark.parametrize("path", LOCKS, ids=lambda p: p.stem)
def test_every_distribution_is_pinned_with_its_hashes(path: Path) -> None:
    entries = locked(path)
    assert entries
    for pin, rest in entries.items():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.!+]+", pin), pin
        assert any(word.startswith("--hash=sha256:") for word in rest), pin


def test_all_lock_files_agree_on_versions() -> None:
    versions: dict[str, set[str]] = {}
    for path in LOCKS:
        for pin in locked(path):
            name, _, version = pin.partition("==")
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_lock_file_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    pins = {
        name: version for name, _, version in (pin.partition("==") for pin in locked(ROOT / "requirements/dev.txt"))
    }
    for text in asked:
        requirement = Requirement(text)
        if requirement.name != "perennial":
            version = pins.get(canonicalize_name(requirement.name), "")
            assert version, f"{text} is not locked: run `make lock`"
            assert requirement.specifier.contains(version), f"{text}, but locked is {version}: run `make lock`"


def test_the_layers_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
