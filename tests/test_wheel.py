"""What a user gets who installs the wheel instead of the checkout."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import tfner

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"tfner": ROOT / "tfner", "tfner_export": ROOT / "export" / "tfner_export"}
BUILD_INPUTS = [
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "tfner",
    "export",
]


def expected_files() -> set[str]:
    """Modules of both packages, typing marks, tables, pages, samples."""
    return {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file()
        and (
            path.suffix in (".py", ".csv")
            or path.name in ("py.typed", "operators.json")
            or path.parent in (folder / "samples", folder / "reports" / "templates")
            or path.is_relative_to(folder / "gateway" / "page" / "files")
        )
    }


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def build_isolation() -> list[str]:
    """Build with the setuptools that is there if pyproject.toml accepts it."""
    try:
        recent = int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        recent = False
    return ["--no-build-isolation"] if recent else []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build folder left in the checkout would be packed too."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILD_INPUTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-q"]
    subprocess.run(
        [*command, *build_isolation(), "--wheel-dir", str(target)],
        cwd=source,
        check=True,
        timeout=300,
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; what tfner depends on is lent by this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    subprocess.run(
        [*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)],
        check=True,
        timeout=300,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    # Read without its own .pth files, so that an editable tfner there stays unseen.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_setup_cfg_lists_every_package() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    listed = set(settings["options"]["packages"].split())
    found = {
        ".".join([package, *path.parent.relative_to(folder).parts])
        for package, folder in FOLDERS.items()
        for path in folder.rglob("*.py")
    }
    assert listed == found


def test_export_is_a_folder_and_no_package() -> None:
    assert not (ROOT / "export" / "__init__.py").exists()


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {n for n in archive.namelist() if ".dist-info/" not in n}
        info = {n.split("/", 1)[1] for n in archive.namelist() if ".dist-info/" in n}
    assert files == expected_files()
    assert {"tfner/py.typed", "tfner_export/py.typed"} <= files
    assert any(name.startswith("tfner/samples/english_") for name in files)
    assert "licenses/LICENSE" in info


@pytest.mark.slow
@pytest.mark.parametrize("package", FOLDERS)
def test_the_installed_package_imports_outside_the_checkout(
    package: str, installed: Path
) -> None:
    code = f"import {package}; print({package}.__file__)"
    done = run(installed / "bin" / "python", "-c", code, cwd=installed)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)


@pytest.mark.slow
def test_the_installed_package_writes_pages(installed: Path) -> None:
    code = (
        "from tfner import Document; from tfner.reports.predictions import render; "
        "print(''.join(render([Document('1', 'anna')], 'html', labels=())))"
    )
    done = run(installed / "bin" / "python", "-c", code, cwd=installed)
    assert "<p>anna</p>" in done.stdout, done.stderr


@pytest.mark.slow
def test_the_export_folder_is_not_importable(installed: Path) -> None:
    done = run(installed / "bin" / "python", "-c", "import export", cwd=installed)
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.slow
def test_the_installed_command_answers(installed: Path) -> None:
    done = run(installed / "bin" / "tfner", "--version", cwd=installed)
    assert done.returncode == 0, done.stderr
    assert tfner.__version__ in done.stdout
