"""The files that are written anew per service: what they hold, and that they work."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from migrate.checks import jsonc
from migrate.dockerfile import python_version
from migrate.generating import Generated, Layout, generated_files
from migrate.model import Component, Kind, Mapping, Source, Style
from migrate.needs import needs

TRACKING = Component(
    "tracking", Kind.SERVICE, "services/service-tracking", (Source("src/track/**"),), package="tracking"
)
API = Component("api", Kind.SERVICE, "services/service-api", (Source("src/api/**"),), package="api")
COMMON = Component("common", Kind.SHARED, "shared_libs/common", (Source("src/common/**"),))
STORE = Component("store", Kind.SHARED, "shared_libs/store", (Source("src/store/**"),))
MAPPING = Mapping((TRACKING, API, COMMON, STORE))
EDGES = {("tracking", "common"), ("common", "store"), ("api:tests", "common")}
MOVES = {
    "src/track/__main__.py": "services/service-tracking/src/tracking/__main__.py",
    "tests/track/test_tracker.py": "services/service-tracking/tests/test_tracker.py",
    "src/api/server.py": "services/service-api/src/api/server.py",
    "tests/api/test_server.py": "services/service-api/tests/test_server.py",
    "src/common/shapes.py": "shared_libs/common/shapes.py",
    "tests/common/test_shapes.py": "shared_libs/tests/common/test_shapes.py",
    "tests/test_whole.py": "tests/test_whole.py",
    "pytest.ini": "pytest.ini",
}
THIRD_PARTY = {
    "tracking": {"cv2", "numpy.linalg"},
    "api": {"fastapi", "yaml.safe_load", "google.cloud.storage"},
    "api:tests": {"pytest", "responses", "yaml"},
    "tracking:tests": {"pytest"},
    "common": {"PIL.Image", "odd_thing.deep"},
    "store": {"boto3"},
}
REQUIREMENTS = {
    "requirements.txt": (
        b"--extra-index-url https://wheels.example/simple\n"
        b"numpy==1.26.4 \\\n    --hash=sha256:00\n    # via -r requirements.in\n"
        b"fastapi[all]>=0.100 ; python_version >= '3.8'\n"
        b"opencv-contrib-python==4.10.0.84  # the big one\n"
        b"uvicorn[standard]>=0.24\npython-multipart\nstarlette==0.37\n    # via fastapi\n"
        b"PyYAML>=5\nboto3>=1.30,<2\nblack==24.1\n"
    ),
    "requirements-dev.txt": b"-r requirements.txt\npytest>=7\npytest-asyncio\nresponses==0.25\nflake8\n",
    "pyproject.toml": b"[project]\nname = 'x'\ndependencies = ['numpy>=1.20', 'pyyaml>=6']\n",
}


def generate(
    *,
    mapping: Mapping = MAPPING,
    moves: dict[str, str] = MOVES,
    settings: dict[str, bytes] | None = None,
    existing: frozenset[str] = frozenset(),
    edges: set[tuple[str, str]] = EDGES,
    scripts: dict[str, str] | None = None,
    requirements: dict[str, bytes] = REQUIREMENTS,
) -> Generated:
    layout = Layout(moves, {"pytest.ini": b"[pytest]\n"} if settings is None else settings, scripts or {}, "shop")
    return generated_files(mapping, THIRD_PARTY, requirements, edges, lambda path: path in existing, "3.11", layout)


def text(made: Generated, path: str) -> str:
    return made.files[path][0].decode()


def lines(made: Generated, path: str) -> list[str]:
    """The lines that pip reads."""
    rows = (row.partition("  #")[0].strip() for row in text(made, path).splitlines())
    return [row for row in rows if row and not row.startswith("#")]


def test_a_service_requires_what_it_and_its_libraries_import_in_the_old_versions() -> None:
    made = generate()
    assert lines(made, "services/service-tracking/requirements.in") == [
        "--extra-index-url https://wheels.example/simple",
        "numpy==1.26.4",
        "opencv-contrib-python==4.10.0.84",
        "odd_thing",
        "pillow",
        "boto3>=1.30,<2",
    ]
    assert "odd_thing  # a guess" in text(made, "services/service-tracking/requirements.in")


def test_what_runs_beside_an_import_is_kept_and_the_rest_is_listed_not_lost() -> None:
    made = generate()
    api = lines(made, "services/service-api/requirements.in")
    assert api == [
        "--extra-index-url https://wheels.example/simple",
        'fastapi[all]>=0.100 ; python_version >= "3.8"',
        "google-cloud-storage",
        "pyyaml>=6",
        "python-multipart",
        "uvicorn[standard]>=0.24",
    ]
    assert lines(made, "services/service-api/requirements-test.in") == [
        *("-r requirements.in", "pytest>=7", "responses==0.25", "odd_thing", "pillow", "boto3>=1.30,<2"),
        "pytest-asyncio",
    ]
    assert lines(made, "services/service-tracking/requirements-test.in") == [
        *("-r requirements.in", "pytest>=7", "pytest-asyncio")
    ]
    unclaimed = text(made, "requirements-unclaimed.txt").splitlines()
    assert [row for row in unclaimed if row.startswith("#   ")] == [
        "#   flake8    <- for development (requirements-dev)",
        "#   starlette==0.37    <- a dependency of fastapi: pip finds it by itself",
        "#   black==24.1",
    ]


def test_a_service_requires_what_the_files_that_it_reaches_import_and_no_more() -> None:
    imported = {
        "track/main.py": {"common/shapes.py"},
        "common/shapes.py": {"common/points.py"},
        "tests/test_main.py": {"track/main.py", "common/drawing.py"},
    }
    third_party = {
        "track/main.py": {"numpy.linalg", "json.decoder"},
        "common/__init__.py": {"attrs"},
        "common/points.py": {"scipy"},
        "common/drawing.py": {"PIL.Image"},
        "common/store.py": {"boto3"},
    }
    files = [*imported, "common/points.py", "common/drawing.py", "common/store.py", "common/__init__.py"]
    owners = {"track": "tracking", "tests": "tracking:tests", "common": "common"}
    found = needs(lambda path: owners[path.partition("/")[0]], files, lambda path: imported.get(path, ()), third_party)
    assert found["tracking"] == {"tracking": {"numpy.linalg"}, "common": {"scipy", "attrs"}}
    layout = Layout(MOVES)
    made = generated_files(
        MAPPING, THIRD_PARTY, {}, EDGES, lambda path: False, "3.11", layout, needed={**found, "api": {}}
    )
    assert lines(made, "services/service-tracking/requirements.in") == ["numpy", "attrs", "scipy"]
    assert lines(made, "services/service-tracking/requirements-test.in") == ["-r requirements.in", "pytest", "pillow"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.txt": b"numpy==1.26\n", "b.txt": b"numpy==2.0\n"}, ["# b.txt:1 asks for numpy==2.0", "numpy==1.26"]),
        (
            {"setup.py": b"from setuptools import setup\nNEEDS = ['numpy~=1.2']\nsetup(install_requires=NEEDS)\n"},
            ["numpy~=1.2"],
        ),
        ({"setup.cfg": b"[options]\ninstall_requires =\n    numpy>1\n"}, ["numpy>1"]),
        ({"Pipfile": b"[packages]\nnumpy = {version = '==1.2', extras = ['x']}\n"}, ["numpy[x]==1.2"]),
        ({"pyproject.toml": b"[tool.poetry.dependencies]\npython = '^3.9'\nnumpy = '^1.20'\n"}, ["numpy>=1.20,<2"]),
        ({"requirements.in": b"numpy>=1\n", "requirements.txt": b"numpy==1.26\n"}, ["numpy>=1"]),
        (
            {"requirements.txt": b"numpy @ git+https://code.example/numpy@v1\n"},
            ["numpy @ git+https://code.example/numpy@v1"],
        ),
        (
            {"requirements.txt": b"-e git+https://code.example/n.git#egg=numpy\n"},
            ["-e git+https://code.example/n.git#egg=numpy"],
        ),
        (
            {"requirements.txt": b"numpy==1.2 ; sys_platform == 'linux'\nnumpy==1.1 ; sys_platform == 'darwin'\n"},
            ['numpy==1.2 ; sys_platform == "linux"', 'numpy==1.1 ; sys_platform == "darwin"'],
        ),
    ],
)
def test_every_form_of_old_requirement_is_read(files: dict[str, bytes], expected: list[str]) -> None:
    made = generate(requirements=files)
    rows = text(made, "services/service-tracking/requirements.in").splitlines()
    assert [row for row in rows if "numpy" in row] == expected


def test_requirements_that_cannot_be_read_are_told_and_stop_nothing() -> None:
    made = generate(
        requirements={"setup.py": b"setup(install_requires=read())\n", "a.txt": b"\xff\xfe\xfa", "b.txt": b"a b c\n"}
    )
    assert [note.split(": ")[0] for note in made.notes if "requirement" in note] == ["a.txt", "b.txt:1", "setup.py:1"]
    assert "numpy" in lines(made, "services/service-tracking/requirements.in")


def run_pytest(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    wheels = os.pathsep.join(entry for entry in sys.path if "site-packages" in entry)
    python = getattr(sys, "_base_executable", sys.executable)
    return subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=root,
        env={"PYTHONPATH": wheels, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def lay_out(root: Path, made: Generated, files: dict[str, str]) -> None:
    for path, contents in {**{path: data.decode() for path, (data, _) in made.files.items()}, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(contents)


def test_pytest_finds_a_service_s_tests_imports_and_old_settings(tmp_path: Path) -> None:
    settings = {
        "pytest.ini": (
            b"[pytest]\n# our marks\nmarkers =\n    slow: takes long\naddopts = --strict-markers\ntestpaths = tests\n"
        )
    }
    made = generate(settings=settings)
    ini = text(made, "services/service-tracking/pytest.ini")
    assert "pythonpath = src ../..\n" in ini
    assert "# our marks\nmarkers =\n    slow: takes long\naddopts = --strict-markers\n" in ini
    files = {
        "services/service-tracking/src/tracking/tracker.py": "from shared_libs.common.shapes import ONE\n",
        "shared_libs/common/shapes.py": "ONE = 1\n",
        "services/service-tracking/tests/test_tracker.py": (
            "import pytest\nfrom tracking.tracker import ONE\n\n\n"
            "@pytest.mark.slow\ndef test_one():\n    assert ONE == 1\n"
        ),
        "services/service-api/tests/test_server.py": "import tracking\n",
    }
    lay_out(tmp_path, made, files)
    assert "1 passed" in run_pytest(tmp_path, "services/service-tracking").stdout
    # Another service's package is not importable.
    assert "No module named 'tracking'" in run_pytest(tmp_path, "services/service-api").stdout


@pytest.mark.parametrize(
    ("path", "contents"),
    [
        (
            "pyproject.toml",
            b"[tool.pytest.ini_options]\nmarkers = ['slow: takes long']\n"
            b"addopts = ['--strict-markers', '-ra']\nxfail_strict = true\n",
        ),
        (
            "setup.cfg",
            b"[metadata]\nname = x\n[tool:pytest]\nmarkers =\n    slow: takes long\n"
            b"addopts = --strict-markers -ra\nxfail_strict = true\n",
        ),
        (
            "tox.ini",
            b"[tox]\n[pytest]\nmarkers = slow: takes long\naddopts = --strict-markers\n    -ra\nxfail_strict = true\n",
        ),
    ],
)
def test_the_old_configuration_is_carried_over_from_wherever_pytest_reads_it(
    path: str, contents: bytes, tmp_path: Path
) -> None:
    moves = {old: new for old, new in MOVES.items() if old != "pytest.ini"}
    made = generate(settings={path: contents}, moves={**moves, path: path})
    files = {
        "services/service-tracking/tests/test_tracker.py": (
            "import pytest\n\n\n@pytest.mark.slow\ndef test_one(pytestconfig):\n"
            "    assert pytestconfig.getini('xfail_strict') is True and pytestconfig.option.strict_markers\n"
        )
    }
    lay_out(tmp_path, made, files)
    assert "1 passed" in run_pytest(tmp_path, "services/service-tracking").stdout
    # The root's tests take the same settings, from a pytest.ini of the root.
    assert f"# From {path}:" in text(made, "pytest.ini")


def test_the_nearest_configuration_above_the_old_tests_counts() -> None:
    settings = {"pytest.ini": b"[pytest]\naddopts = -ra\n", "tests/track/pytest.ini": b"[pytest]\naddopts = -x\n"}
    made = generate(settings=settings)
    assert "addopts = -x" in text(made, "services/service-tracking/pytest.ini")
    assert "addopts = -ra" in text(made, "services/service-api/pytest.ini")


def test_two_test_files_of_one_name_are_imported_by_importlib_and_run(tmp_path: Path) -> None:
    two = {
        "tests/unit/track/test_tracker.py": "services/service-tracking/tests/unit/test_tracker.py",
        "tests/track/test_tracker.py": "services/service-tracking/tests/test_tracker.py",
    }
    made = generate(moves={**MOVES, **two}, settings={"pytest.ini": b"[pytest]\naddopts = -ra\n"})
    assert "addopts = -ra --import-mode=importlib" in text(made, "services/service-tracking/pytest.ini")
    assert any("importlib" in note for note in made.notes)
    test = "def test_it():\n    pass\n"
    lay_out(tmp_path, made, dict.fromkeys(two.values(), test))
    assert "2 passed" in run_pytest(tmp_path, "services/service-tracking").stdout
    # With a package each they have two names, and pytest's own way stays.
    packages = {
        f"tests/{name}/__init__.py": f"services/service-tracking/tests/{name}__init__.py" for name in ("", "unit/")
    }
    assert "importlib" not in text(generate(moves={**MOVES, **two, **packages}), "services/service-tracking/pytest.ini")


def test_a_test_package_called_like_the_service_s_package_is_told() -> None:
    moves = {
        **MOVES,
        "tests/t/__init__.py": "services/service-api/tests/api/__init__.py",
        "tests/t/test_a.py": "services/service-api/tests/api/test_a.py",
    }
    assert any("`api`" in note and "src" in note for note in generate(moves=moves).notes)


def test_the_roots_of_services_that_may_be_imported_are_there_too() -> None:
    made = generate(
        edges={*EDGES, ("api", "tracking")}, mapping=Mapping(MAPPING.components, allow_edges=(("api", "tracking"),))
    )
    assert "pythonpath = src ../service-tracking/src ../..\n" in text(made, "services/service-api/pytest.ini")
    image = text(made, "services/service-api/Dockerfile")
    assert "COPY services/service-tracking/src/ services/service-tracking/src/" in image
    assert 'PYTHONPATH="/app/services/service-api/src:/app/services/service-tracking/src:/app"' in image


def test_the_root_s_pytest_ini_changes_in_two_lines_only() -> None:
    old = (
        b"; ours\r\n[pytest]\r\ntestpaths = tests\r\n\tmore\r\nmarkers =\r\n  a: b\r\n\r\n[other]\r\ntestpaths = x\r\n"
    )
    edited = generate(settings={"pytest.ini": old}).edits["pytest.ini"]
    roots = b". services/service-tracking/src services/service-api/src"
    assert edited == (
        b"; ours\r\n[pytest]\r\npythonpath = " + roots + b"\r\ntestpaths = shared_libs/tests tests\r\n"
        b"markers =\r\n  a: b\r\n\r\n[other]\r\ntestpaths = x\r\n"
    )
    assert generate(settings={"pytest.ini": edited}).edits["pytest.ini"] == edited


def test_a_dockerfile_copies_what_the_service_needs_and_starts_it() -> None:
    made = generate(scripts={"serve": "api.server:main"})
    assert text(made, "services/service-tracking/Dockerfile").splitlines() == [
        "# tracking. From the repository's root: docker build -f services/service-tracking/Dockerfile .",
        "FROM python:3.11-slim",
        "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1",
        "RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0"
        " && rm -rf /var/lib/apt/lists/*",
        "# The working folder stands for the repository's root: relative paths mean what they mean there.",
        "WORKDIR /app",
        "COPY services/service-tracking/requirements.in services/service-tracking/requirements.in",
        "RUN pip install --no-cache-dir -r services/service-tracking/requirements.in",
        "COPY services/service-tracking/src/ services/service-tracking/src/",
        "COPY shared_libs/common/ shared_libs/common/",
        "COPY shared_libs/store/ shared_libs/store/",
        'ENV PYTHONPATH="/app/services/service-tracking/src:/app"',
        "RUN useradd --create-home --uid 1000 app",
        "USER app",
        'CMD ["python", "-m", "tracking"]',
    ]
    assert 'CMD ["python", "-c", "import sys; from api.server import main; sys.exit(main())"]' in text(
        made, "services/service-api/Dockerfile"
    )
    assert "No entry point is known" in text(generate(), "services/service-api/Dockerfile")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"docker/Dockerfile.api": b"ARG BASE=python:3.12-slim\nFROM ${BASE}\n", ".python-version": b"3.9.1\n"},
            "3.12",
        ),
        ({".python-version": b"3.10.4\n"}, "3.10"),
        ({"pyproject.toml": b"[project]\nrequires-python = '>=3.8'\n"}, "3.11"),
        ({"setup.py": b"setup(python_requires='>=3.6,<3.10')\n"}, "3.9"),
        ({}, "3.11"),
    ],
)
def test_the_python_of_the_images_is_the_old_one(files: dict[str, bytes], expected: str) -> None:
    assert python_version(files, "3.11") == expected


def test_what_exists_is_never_overwritten_but_told() -> None:
    taken = frozenset({"services/service-api/Dockerfile", "make_venvs.py", "shared_libs/__init__.py"})
    made = generate(existing=taken)
    assert not taken & set(made.files)
    assert [note for note in made.notes if "is there already" in note] == [
        "services/service-api/Dockerfile: is there already and stays as it is",
        "make_venvs.py: is there already and stays as it is",
    ]


def test_the_workspace_lists_the_services_the_libraries_and_the_root() -> None:
    made = generate()
    data = json.loads(text(made, "shop.code-workspace"))
    assert [each["path"] for each in data["folders"]] == [
        *("services/service-tracking", "services/service-api", "shared_libs", ".")
    ]
    settings = json.loads(text(made, "services/service-api/.vscode/settings.json"))
    assert settings["python.analysis.extraPaths"] == ["${workspaceFolder}/src", "${workspaceFolder}/../.."]


def test_a_flat_service_and_one_with_spaces_in_its_folder_are_right() -> None:
    flat = Component("my service", Kind.SERVICE, "apps/my service", (Source("src/a/**"),), Style.FLAT)
    made = generate(mapping=Mapping((flat,)), moves={"src/a/x.py": "apps/my service/src/x.py"}, edges=set())
    assert "pythonpath = src ../..\n" in text(made, "apps/my service/pytest.ini")
    image = text(made, "apps/my service/Dockerfile")
    assert 'COPY ["apps/my service/src/", "apps/my service/src/"]' in image
    assert 'ENV PYTHONPATH="/app/apps/my service/src:/app"' in image


def make_venvs(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "make_venvs.py", *arguments],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_virtual_environments_are_made_once_and_know_the_import_roots(tmp_path: Path) -> None:
    made = generate()
    assert made.files["make_venvs.py"][1] == 0o755
    lay_out(
        tmp_path,
        made,
        {
            "services/service-api/src/api/__init__.py": "import shared_libs.common.shapes\n",
            "shared_libs/common/shapes.py": "",
            **dict.fromkeys(
                (
                    f"services/service-{name}/requirements{kind}.in"
                    for name in ("api", "tracking")
                    for kind in ("", "-test")
                ),
                "# nothing\n",
            ),
        },
    )
    first = make_venvs(tmp_path, "--only", "service-api")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "[1/1] services/service-api/.venv: made"
    assert not (tmp_path / "services/service-tracking/.venv").exists()
    python = tmp_path / "services/service-api/.venv/bin/python"
    assert subprocess.run([python, "-c", "import api"], cwd="/", env={}, check=False).returncode == 0
    assert "up to date" in make_venvs(tmp_path, "--only", "service-api").stdout
    (tmp_path / "services/service-api/requirements.in").write_text("# something else\n")
    assert "api/.venv: made" in make_venvs(tmp_path).stdout
    wrong = make_venvs(tmp_path, "--only", "service-x")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("error: --only service-x: there is no such service; there are services/service-api")


def test_the_virtual_environments_hold_what_the_requirements_name(tmp_path: Path) -> None:
    pip = pytest.importorskip("pip")
    wheel = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    lay_out(
        tmp_path,
        generate(),
        {"services/service-api/requirements.in": "tiny\n", "services/service-api/requirements-test.in": "# none\n"},
    )
    # Of use where the Python below cannot put a pip of its own into a virtual environment.
    only_pip = tmp_path / "only-pip"
    only_pip.mkdir()
    (only_pip / "pip").symlink_to(Path(pip.__file__).parent)
    settings = {
        "PYTHONPATH": str(only_pip),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = make_venvs(tmp_path, "--only", "service-api", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    python = tmp_path / "services/service-api/.venv/bin/python"
    assert subprocess.run([python, "-c", "import tiny"], check=False).returncode == 0
    (tmp_path / "services/service-api/requirements.in").write_text("absent-x\n")
    failed = make_venvs(tmp_path, "--only", "service-api", **settings)
    assert failed.returncode == 1
    assert "correct services/service-api/requirements.in" in failed.stderr


def test_json_with_comments_is_read_and_keeps_its_lines() -> None:
    assert jsonc.loads('{"a": "// no /* comment", // one\n "b": [1, 2,], /* two\n */ "c": "x,}",}') == {
        "a": "// no /* comment",
        "b": [1, 2],
        "c": "x,}",
    }
    with pytest.raises(json.JSONDecodeError) as caught:
        jsonc.loads('/* a\n b */\n{"a" 1}')
    assert caught.value.lineno == 3
