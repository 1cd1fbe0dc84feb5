"""A service's Dockerfile: slim Python, its requirements, shared libraries and src; nobody's root."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet

#: Debian packages without which a distribution cannot be imported, or installed.
_SYSTEM_PACKAGES = {
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    "python-magic": ("libmagic1",),
}

_FROM_PYTHON = re.compile(
    r"(?im)^[ \t]*(?:FROM|ARG[ \t]+\w+=)[ \t]*(?:--platform=\S+[ \t]+)?\"?(?:[\w./-]*/)?python:(\d+\.\d+)"
)


def dockerfile(
    service: str,
    target: str,
    python: str,
    folders: Iterable[str],
    import_roots: Iterable[str],
    requirements: str,
    distributions: Iterable[str],
    command: Sequence[str],
) -> bytes:
    """A Dockerfile whose context is the repository's root.

    folders: what is copied besides the requirements, from the root.
    import_roots: what PYTHONPATH holds, from the root ("" for the root).
    requirements: the text of requirements.in, asked only whether it installs from git.
    command: what the container runs; empty where no entry point is known.
    """
    packages = {package for name in distributions for package in _SYSTEM_PACKAGES.get(name, ())}
    if "git+" in requirements:
        packages.add("git")
    wanted = f"{target}/requirements.in"
    path = ":".join("/app" if not root else f"/app/{root}" for root in import_roots)
    lines = [
        f"# {service}. From the repository's root: docker build -f {target}/Dockerfile .",
        f"FROM python:{python}-slim",
        "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1",
    ]
    if packages:
        install = " ".join(sorted(packages))
        lines.append(
            f"RUN apt-get update && apt-get install -y --no-install-recommends {install} && rm -rf /var/lib/apt/lists/*"
        )
    lines += [
        "# The working folder stands for the repository's root: relative paths mean what they mean there.",
        "WORKDIR /app",
        _copy(wanted, wanted),
        f"RUN pip install --no-cache-dir -r {_quoted(wanted)}",
        *(_copy(f"{folder}/", f"{folder}/") for folder in folders),
        f'ENV PYTHONPATH="{path}"',
        "RUN useradd --create-home --uid 1000 app",
        "USER app",
    ]
    if command:
        lines.append(f"CMD {json.dumps(list(command))}")
    else:
        lines.append("# No entry point is known: say here what it runs.")
        lines.append('# CMD ["python", "-m", "…"]')
    return ("\n".join(lines) + "\n").encode()


def _copy(source: str, destination: str) -> str:
    if any(character.isspace() for character in source):
        return f"COPY {json.dumps([source, destination])}"
    return f"COPY {source} {destination}"


def _quoted(path: str) -> str:
    return f'"{path}"' if any(character.isspace() for character in path) else path


def python_version(files: Mapping[str, bytes], default: str) -> str:
    """The Python that a repository is for, as `3.11`: from its Dockerfiles, .python-version, runtime.txt, Pipfile or
    requires-python, in this order; `default` where none says it.

    files: the contents of these files, by path.
    """
    texts = {path: contents.decode("utf-8", "replace") for path, contents in sorted(files.items())}
    found: list[str] = []
    for path, text in texts.items():
        if "dockerfile" in path.rpartition("/")[2].lower():
            found += _FROM_PYTHON.findall(text)
    for pattern, name in (
        (r"^\s*(?:python-|cpython-)?(3\.\d+)", ".python-version"),
        (r"^\s*python-(3\.\d+)", "runtime.txt"),
        (r"python_version\s*=\s*[\"'](3\.\d+)", "Pipfile"),
    ):
        if not found and (match := re.search(pattern, texts.get(name, ""), re.MULTILINE)):
            found.append(match[1])
    for name, pattern in (
        ("pyproject.toml", r"(?m)^\s*(?:requires-python|python)\s*=\s*[\"']([^\"']+)"),
        ("setup.cfg", r"(?m)^\s*python_requires\s*=\s*(\S.*)$"),
        ("setup.py", r"python_requires\s*=\s*[\"']([^\"']+)"),
    ):
        if not found and (match := re.search(pattern, texts.get(name, ""))):
            found += _nearest(match[1], default)
    return found[0] if found else default


def _nearest(specifier: str, default: str) -> list[str]:
    """`default` where the specifier allows it (a lowest version of 3.6 does not mean that 3.6 is used), else what is
    allowed next to it, older ones first."""
    try:
        allowed = SpecifierSet(re.sub(r"^\^", ">=", specifier.strip()))
    except InvalidSpecifier:
        return []
    at = int(default.partition(".")[2])
    for minor in (*range(at, 5, -1), *range(at + 1, at + 20)):
        if allowed.contains(f"3.{minor}") or allowed.contains(f"3.{minor}.99"):
            return [f"3.{minor}"]
    return []
