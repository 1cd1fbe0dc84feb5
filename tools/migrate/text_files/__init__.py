"""Files that are not Python: every place where they name a path or a module that is called differently afterwards.

Each kind of file has a reader that knows what its format means; all share how a word is looked up (names, words) and
noted (document). Nothing is parsed and written back: a mention says which bytes change.

    contents ─ Document ─ reader of the format ─┬─ names (what does it become?)
                                                └─ Document.mentions
"""

import posixpath
import re
from collections.abc import Callable

from migrate.model import Certainty, Mention, Renames
from migrate.text_files.docker import docker_file
from migrate.text_files.document import Document
from migrate.text_files.generated import has_a_generated_name, has_generated_lines
from migrate.text_files.ignores import ignore_file, owners_file
from migrate.text_files.ini_files import ini_file
from migrate.text_files.names import Names
from migrate.text_files.prose import documentation, other_text, requirements, terraform
from migrate.text_files.settings import json_file, toml_file
from migrate.text_files.shell import environment_file, make_file, process_file, shell_file
from migrate.text_files.yaml_files import yaml_file

#: More than that is data; so is less already in formats that programs write as well.
LARGEST = 2_000_000
LARGEST_BY_HAND = 300_000

_Reader = Callable[[Document], None]

#: Readers by the file's name, the first that matches; a likely limit where all of it is text for people.
_BY_NAME: tuple[tuple[str, _Reader, Certainty], ...] = (
    (r"(?:Docker|Container)file(?:[.-][\w.-]+)?|[\w.-]+\.(?:docker|container)file", docker_file, Certainty.CERTAIN),
    (
        r"\.(?:git|docker|gcloud|helm|npm|prettier|eslint|cf|vercel|eb)ignore|[\w.-]*\.dockerignore",
        ignore_file,
        Certainty.CERTAIN,
    ),
    (r"CODEOWNERS", owners_file, Certainty.CERTAIN),
    (r".*\.ya?ml", yaml_file, Certainty.CERTAIN),
    (r".*\.toml|Pipfile", toml_file, Certainty.CERTAIN),
    (r".*\.(?:jsonc?|code-workspace)", json_file, Certainty.CERTAIN),
    (r".*\.(?:ini|cfg)|\.coveragerc|\.flake8|\.pylintrc|pylintrc|\.isort\.cfg", ini_file, Certainty.CERTAIN),
    (r".*\.(?:sh|bash|zsh|ksh|command)|\.bashrc|\.envrc|pre-commit|pre-push", shell_file, Certainty.CERTAIN),
    (r"(?:GNU)?[Mm]akefile(?:\..+)?|.*\.mk|\.?[Jj]ustfile", make_file, Certainty.CERTAIN),
    (r"Procfile(?:\..+)?", process_file, Certainty.CERTAIN),
    (r"(?:.*\.)?env(?:\..+)?|\.env[\w.-]*", environment_file, Certainty.CERTAIN),
    (r".*\.(?:md|markdown|rst|adoc|mdx)", documentation, Certainty.LIKELY),
    (r"(?:.*requirements|.*constraints).*\.(?:txt|in)", requirements, Certainty.CERTAIN),
    (r".*\.(?:tf|tfvars|hcl)", terraform, Certainty.LIKELY),
)
#: What is looked at even in a file that has no old name: import roots that are the root, paths of one machine.
_ALWAYS = re.compile(r"(?i:python_?path|extraPaths|mypy_?path)|/Users/|/home/|:\\+Users|venv")
_SHEBANG = re.compile(rb"#!.*\b(?:sh|bash|dash|zsh|ksh)\b")
_PYTHON = (".py", ".pyi", ".pyw")
#: Formats whose text is data or a picture: what looks like a path in them is none of ours.
_DATA = (
    ".csv",
    ".po",
    ".pot",
    ".tsv",
    ".jsonl",
    ".ndjson",
    ".svg",
    ".lock",
    ".geojson",
    ".pem",
    ".key",
    ".crt",
    ".log",
    ".patch",
    ".diff",
)


def mentions(path: str, contents: bytes, renames: Renames, exists: Callable[[str], bool]) -> list[Mention]:
    """Every mention of an old path or module name in one file that is not Python.

    Args:
        path: where the file stands in the repository as it was; where it goes is in `renames`.
        contents: its bytes. Text of any encoding that is ASCII for ASCII characters is read; no other has mentions.
        renames: what is called differently afterwards.
        exists: whether a path, relative to the root, names a file or folder of the repository as it was.

    Returns:
        The mentions in the order of the file. Their edits do not overlap.
    """
    return _mentions(path, contents, _names(renames, exists))


def passed_over(path: str, contents: bytes) -> bool:
    """Whether a text is left alone because a program wrote it: by its name, very long lines, or its size.

    Formats that people write keep being read; JSON and what is not known to be one may be anybody's.
    """
    if not _is_text(path, contents):
        return False
    if has_a_generated_name(path):
        return True
    reader, _ = _reader(path, contents)
    if reader not in (other_text, json_file):
        return False
    return len(contents) > LARGEST_BY_HAND or has_generated_lines(contents)


_latest: list[Names] = []  # the index of the last renames: a plan asks about every file with the same


def _names(renames: Renames, exists: Callable[[str], bool]) -> Names:
    if not _latest or _latest[0].renames is not renames or _latest[0].exists != exists:
        _latest[:] = [Names(renames, exists)]
    return _latest[0]


def _mentions(path: str, contents: bytes, names: Names) -> list[Mention]:
    if not _is_text(path, contents) or passed_over(path, contents):
        return []
    reader, limit = _reader(path, contents)
    document = Document(path, contents, names, limit)
    moves = document.path != document.new_path
    if not moves and not names.may_occur(document.text) and not _ALWAYS.search(document.text):
        return []
    reader(document)
    return sorted(
        document.mentions, key=lambda mention: (mention.place.line, mention.edits[0].start if mention.edits else 0)
    )


def _is_text(path: str, contents: bytes) -> bool:
    if not contents or len(contents) > LARGEST or path.endswith((*_PYTHON, *_DATA)):
        return False
    return not contents.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0" not in contents


def _reader(path: str, contents: bytes) -> tuple[_Reader, Certainty]:
    name = posixpath.basename(path)
    if re.search(r"(?:^|/)requirements/[^/]+\.(?:txt|in)$", path):
        return requirements, Certainty.CERTAIN
    for pattern, reader, limit in _BY_NAME:
        if re.fullmatch(pattern, name):
            return reader, limit
    if _SHEBANG.match(contents):
        return shell_file, Certainty.CERTAIN
    return other_text, Certainty.LIKELY
