"""Which distribution an import comes from: the old requirements, the wheels of an interpreter, and common knowledge.

None of them is enough alone. `import cv2` comes from any of four distributions, and the old requirements say which;
`import google.cloud.storage` shares its first two names with dozens of others.
"""

import json
import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lock.import_names import import_names
from migrate.model import MigrationError

#: Distributions whose name does not follow from the import's, the most likely one first.
WELL_KNOWN: dict[str, tuple[str, ...]] = {
    "Crypto": ("pycryptodome", "pycrypto"),
    "Cryptodome": ("pycryptodomex",),
    "IPython": ("ipython",),
    "MySQLdb": ("mysqlclient",),
    "OpenGL": ("PyOpenGL",),
    "OpenSSL": ("pyOpenSSL",),
    "PIL": ("pillow",),
    "apiclient": ("google-api-python-client",),
    "attr": ("attrs",),
    "attrs": ("attrs",),
    "azure.storage.blob": ("azure-storage-blob",),
    "bs4": ("beautifulsoup4",),
    "celery": ("celery",),
    "community": ("python-louvain",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "dateutil": ("python-dateutil",),
    "discord": ("discord.py",),
    "django_filters": ("django-filter",),
    "dns": ("dnspython",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "fitz": ("PyMuPDF",),
    "flask_sqlalchemy": ("Flask-SQLAlchemy",),
    "functions_framework": ("functions-framework",),
    "git": ("GitPython",),
    "github": ("PyGithub",),
    "google.api_core": ("google-api-core",),
    "google.auth": ("google-auth",),
    "google.cloud": ("google-cloud-core",),
    "google.cloud.exceptions": ("google-cloud-core",),
    "google.cloud.pubsub": ("google-cloud-pubsub",),
    "google.cloud.secretmanager": ("google-cloud-secret-manager",),
    "google.oauth2": ("google-auth",),
    "google.protobuf": ("protobuf",),
    "google_auth_httplib2": ("google-auth-httplib2",),
    "google_auth_oauthlib": ("google-auth-oauthlib",),
    "googleapiclient": ("google-api-python-client",),
    "grpc": ("grpcio",),
    "imblearn": ("imbalanced-learn",),
    "jose": ("python-jose",),
    "jwt": ("PyJWT",),
    "kafka": ("kafka-python", "kafka-python-ng"),
    "ldap": ("python-ldap",),
    "lightning_fabric": ("lightning",),
    "magic": ("python-magic",),
    "markdown": ("Markdown",),
    "mpl_toolkits": ("matplotlib",),
    "multipart": ("python-multipart",),
    "nacl": ("PyNaCl",),
    "OpenEXR": ("OpenEXR",),
    "osgeo": ("GDAL",),
    "pkg_resources": ("setuptools",),
    "playhouse": ("peewee",),
    "psycopg2": ("psycopg2-binary", "psycopg2"),
    "pwiz": ("peewee",),
    "pydrive2": ("PyDrive2",),
    "pylab": ("matplotlib",),
    "pymongo": ("pymongo",),
    "bson": ("pymongo",),
    "gridfs": ("pymongo",),
    "pythoncom": ("pywin32",),
    "pythonjsonlogger": ("python-json-logger",),
    "pytorch_lightning": ("pytorch-lightning",),
    "rest_framework": ("djangorestframework",),
    "ruamel.yaml": ("ruamel.yaml",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "slugify": ("python-slugify", "unicode-slugify"),
    "socketio": ("python-socketio",),
    "engineio": ("python-engineio",),
    "socks": ("PySocks",),
    "sqlalchemy": ("SQLAlchemy",),
    "telegram": ("python-telegram-bot",),
    "tlz": ("toolz",),
    "umap": ("umap-learn",),
    "usb": ("pyusb",),
    "websocket": ("websocket-client",),
    "werkzeug": ("Werkzeug",),
    "win32api": ("pywin32",),
    "wx": ("wxPython",),
    "xdist": ("pytest-xdist",),
    "yaml": ("PyYAML",),
    "zmq": ("pyzmq",),
}

#: Packages that many distributions share: a guess has to take more than their first name.
_SHARED_ROOTS = {"google.cloud": 3, "google": 2, "azure": 2, "zope": 2, "sphinxcontrib": 2, "jaraco": 2}

#: What is never imported by name and yet needed while another distribution is used.
COMPANIONS: dict[str, frozenset[str]] = {
    "aiofiles": frozenset({"fastapi", "starlette"}),
    "aiosqlite": frozenset({"sqlalchemy", "tortoise-orm", "databases"}),
    "asyncpg": frozenset({"sqlalchemy", "databases", "tortoise-orm"}),
    "email-validator": frozenset({"pydantic", "fastapi", "wtforms"}),
    "fastparquet": frozenset({"pandas", "dask"}),
    "gcsfs": frozenset({"fsspec", "pandas", "dask"}),
    "gunicorn": frozenset({"flask", "django", "fastapi", "starlette"}),
    "hypercorn": frozenset({"fastapi", "starlette", "quart"}),
    "itsdangerous": frozenset({"starlette", "fastapi"}),
    "jinja2": frozenset({"fastapi", "starlette", "pandas"}),
    "lxml": frozenset({"beautifulsoup4", "pandas"}),
    "html5lib": frozenset({"beautifulsoup4", "pandas"}),
    "mysqlclient": frozenset({"django", "sqlalchemy"}),
    "openpyxl": frozenset({"pandas"}),
    "orjson": frozenset({"fastapi"}),
    "psycopg": frozenset({"django", "sqlalchemy"}),
    "psycopg-binary": frozenset({"psycopg"}),
    "psycopg2": frozenset({"django", "sqlalchemy"}),
    "psycopg2-binary": frozenset({"django", "sqlalchemy"}),
    "pyarrow": frozenset({"pandas", "dask", "datasets"}),
    "pymysql": frozenset({"sqlalchemy", "django"}),
    "python-dotenv": frozenset({"pydantic-settings", "flask", "uvicorn"}),
    "python-multipart": frozenset({"fastapi", "starlette"}),
    "redis": frozenset({"celery", "django", "rq"}),
    "s3fs": frozenset({"fsspec", "pandas", "dask"}),
    "sentencepiece": frozenset({"transformers"}),
    "accelerate": frozenset({"transformers"}),
    "tables": frozenset({"pandas"}),
    "uvicorn": frozenset({"fastapi", "starlette", "django"}),
    "uvloop": frozenset({"uvicorn"}),
    "httptools": frozenset({"uvicorn"}),
    "websockets": frozenset({"uvicorn"}),
    "whitenoise": frozenset({"django"}),
    "xlrd": frozenset({"pandas"}),
}

#: The same for tests: `httpx` is what fastapi.testclient needs.
TEST_COMPANIONS: dict[str, frozenset[str]] = {
    "httpx": frozenset({"fastapi", "starlette"}),
    "requests": frozenset({"fastapi", "starlette"}),
    "httpx2": frozenset({"fastapi", "starlette"}),
    "aiosqlite": frozenset({"sqlalchemy"}),
    "coverage": frozenset({"pytest", "pytest-cov"}),
}


@dataclass(frozen=True)
class Installed:
    """What an interpreter's wheels say of themselves. Names of distributions are normalised.

    imports: dotted import name (a topmost regular package or module) -> the distributions that bring it.
    optional: distribution -> the distributions that one of its extras (other than for its own development) asks for.
    plugins: distribution -> the groups that it puts entry points in.
    versions: distribution -> its version.
    """

    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    optional: dict[str, frozenset[str]] = field(default_factory=dict)
    plugins: dict[str, frozenset[str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The distribution for an import. Where `certain` is false, it is a guess from the name."""

    distribution: str
    certain: bool
    why: str


_METADATA_PROGRAM = """
import json, re, sys
from importlib import metadata
rows = []
for each in metadata.distributions():
    name = each.metadata["Name"]
    if not name:
        continue
    files = [str(file) for file in each.files or () if str(file).endswith((".py", ".so", ".pyd"))]
    if not files:
        files = [top + "/__init__.py" for top in (each.read_text("top_level.txt") or "").split()]
    groups = sorted({point.group for point in each.entry_points})
    rows.append([name, each.version, [file.replace("\\\\", "/") for file in files], list(each.requires or ()), groups])
json.dump(rows, sys.stdout)
"""


def read_installed(python: Path) -> Installed:
    """What the wheels of an interpreter bring. Only their metadata is read; none is imported.

    Raises MigrationError where the interpreter cannot be run.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    try:
        done = subprocess.run(
            [str(python), "-c", _METADATA_PROGRAM],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**environment, "PYTHONUTF8": "1"},
            check=False,
        )
        rows = json.loads(done.stdout)
    except OSError as error:
        raise MigrationError(
            f"{python}: cannot be run: {error.strerror or error}; name another with --python"
        ) from error
    except ValueError as error:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MigrationError(f"{python}: is not a Python 3.8 or later: {said}; name another with --python") from error
    imports: dict[str, set[str]] = {}
    optional: dict[str, frozenset[str]] = {}
    plugins: dict[str, frozenset[str]] = {}
    versions: dict[str, str] = {}
    for name, version, files, requires, groups in rows:
        distribution = canonicalize_name(name)
        if distribution in versions:  # the first on the path is the one that is imported
            continue
        versions[distribution] = version
        plugins[distribution] = frozenset(groups) - {"console_scripts", "gui_scripts"}
        optional[distribution] = frozenset(_optional(requires))
        for imported in import_names(files):
            imports.setdefault(imported, set()).add(distribution)
    return Installed({name: tuple(sorted(owners)) for name, owners in imports.items()}, optional, plugins, versions)


def _optional(requires: list[str]) -> set[str]:
    """What extras ask for; a project's own test, docs and lint extras are no business of who uses it."""
    found = set()
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marker = str(requirement.marker or "")
        if "extra ==" in marker and not any(
            word in marker for word in ("test", "dev", "doc", "lint", "typing", '"ci"')
        ):
            found.add(str(canonicalize_name(requirement.name)))
    return found


def distribution_of(name: str, wanted: Collection[str], installed: Installed) -> Choice:
    """The distribution that an import comes from.

    name: dotted, as far as it is known: for `from google.cloud import storage` that is `google.cloud.storage`.
    wanted: the normalised names that the old requirements hold; what is among them goes before anything else.
    """
    parts = name.split(".")
    prefixes = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    owners: list[str] = []
    known: list[str] = []
    for prefix in prefixes:
        here = list(installed.imports.get(prefix, ()))
        # What is below a shared package is another distribution's than the shared package itself.
        table = [] if prefix in _SHARED_ROOTS and prefix != name else list(WELL_KNOWN.get(prefix, ()))
        dashed = canonicalize_name(prefix.replace(".", "-"))
        spellings = [dashed, f"python-{dashed}", f"py{dashed}", _without_version(dashed)]
        for candidate in [*here, *map(canonicalize_name, table), *spellings]:
            if candidate in wanted:
                return Choice(str(candidate), True, "the old requirements")
        owners = owners or here
        known = known or table
    if owners:
        return Choice(owners[0], True, "its wheel")
    below = sorted({owner for full, by in installed.imports.items() if full.startswith(name + ".") for owner in by})
    for owner in [*(each for each in below if each in wanted), *below]:
        if len(below) == 1 or owner in wanted:
            return Choice(owner, True, "its wheel")
    if known:
        return Choice(known[0], True, "its usual name")
    count = next((count for root, count in _SHARED_ROOTS.items() if f"{name}.".startswith(root + ".")), 1)
    guess = _without_version("-".join(parts[:count]).replace("_", "-") if count > 1 else parts[0])
    is_usual = name.startswith("google.cloud.")
    return Choice(guess, is_usual, "its usual name" if is_usual else "a guess from the import's name")


def _without_version(name: str) -> str:
    """`google-cloud-firestore-v1` without the interface's version."""
    stem, dash, last = name.rpartition("-")
    return stem if dash and last[:1] == "v" and last[1:2].isdigit() else name


def companions(used: Collection[str], candidates: Collection[str], installed: Installed) -> dict[str, str]:
    """Those of `candidates` that nobody imports and that what is `used` needs at run time -> why it is kept.

    By the wheels' own words where they are installed (a plugin that registers itself, an extra that asks for it), and
    by common knowledge.
    """
    return {**_companions(used, candidates, installed), **_by_table(COMPANIONS, used, candidates)}


def test_companions(used: Collection[str], candidates: Collection[str], installed: Installed) -> dict[str, str]:
    """The same for tests: pytest's plugins, and what test clients need."""
    found = _by_table(TEST_COMPANIONS, used, candidates)
    for candidate in candidates:
        if candidate.startswith("pytest-") or "pytest11" in installed.plugins.get(candidate, ()):
            found[candidate] = "a plugin of pytest"
    return found


def _by_table(
    table: Mapping[str, frozenset[str]], used: Collection[str], candidates: Collection[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for candidate in sorted(candidates):
        reasons = sorted(table.get(candidate, frozenset()) & {*used, *found})
        if reasons:
            found[candidate] = f"{reasons[0]} uses it without importing it by name"
    return found


def _companions(used: Collection[str], candidates: Collection[str], installed: Installed) -> dict[str, str]:
    roots = {full.partition(".")[0]: owners[0] for full, owners in installed.imports.items() if owners[0] in used}
    found: dict[str, str] = {}
    for candidate in candidates:
        for other in sorted(used):
            if candidate in installed.optional.get(other, ()):
                found[candidate] = f"{other} has an extra that asks for it"
                break
        for group in sorted(installed.plugins.get(candidate, ())):
            root = group.replace("-", "_").partition(".")[0]
            if root in roots and group != "pytest11":
                found[candidate] = f"a plugin of {roots[root]}"
    return found
