"""Small repositories made from a dictionary, and plans of their migration, for tests."""

from dataclasses import dataclass
from pathlib import Path

from migrate.config import parse_mapping
from migrate.model import Certainty, Mention
from migrate.planning import Plan, make_plan

#: Shared code in src/common and src/config, a service each in src/train and src/track; what is left stays.
MAPPING = """\
version = 1
leave = ["*"]
allow_edges = ["tracking -> training", "training -> tracking", "common -> tracking", "common -> training"]

[tests]
folders = ["tests"]

[[component]]
name = "training"
kind = "service"
package = "training"
sources = ["src/train/**"]

[[component]]
name = "tracking"
kind = "service"
package = "tracking"
sources = ["src/track/**"]

[[component]]
name = "common"
kind = "shared"
sources = ["src/common/**"]

[[component]]
name = "config"
kind = "shared"
sources = ["src/config/**"]
"""

#: Modules to import, each of which says its name. `src/track` has no `__init__.py`.
MODULES: dict[str, str | bytes] = {
    "src/common/__init__.py": "",
    "src/common/storage.py": "class Store:\n    pass\n\n\ndef save():\n    return 'save'\n\n\nvalue = 'storage'\n",
    "src/common/player.py": "kind = 'player'\n",
    "src/config/__init__.py": "level = 1\n",
    "src/config/settings.py": "PATH = 'p'\n",
    "src/config/paths.yaml": "a: 1\n",
    "src/train/__init__.py": "",
    "src/train/model.py": "class Model:\n    name = 'model'\n",
    "src/train/loop.py": "def run():\n    return 'run'\n\n\napp = 'app'\n",
    "src/track/steps.py": "def step():\n    return 'step'\n",
}


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Writes files, given as text (UTF-8, as it stands) or bytes, below `root`."""
    for path, contents in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return root


def plan_of(root: Path, files: dict[str, str | bytes], mapping: str = MAPPING, accept_likely: bool = False) -> Plan:
    """The plan for a repository of these files."""
    return make_plan(write(root, files), parse_mapping(mapping, "migration.toml"), accept_likely)


def result_of(plan: Plan) -> dict[str, bytes]:
    """Every file that there would be after the move: path -> contents."""
    found = {
        entry.new_path: plan.operations.writes.get(entry.new_path, plan.inventory.read(path))
        for path, entry in plan.files.items()
        if entry.new_path
    }
    return found | {path: contents for path, (contents, _) in plan.operations.creates.items()}


@dataclass(frozen=True)
class Rewritten:
    """What becomes of one file, as bytes, and what is said of it."""

    contents: bytes
    mentions: list[Mention]

    def said(self, certainty: Certainty) -> list[str]:
        return [mention.text for mention in self.mentions if mention.certainty is certainty]


def rewritten(
    root: Path,
    code: str | bytes,
    path: str = "src/train/main.py",
    mapping: str = MAPPING,
    more: dict[str, str | bytes] | None = None,
    accept_likely: bool = False,
) -> Rewritten:
    """What becomes of `code` in the file `path` of a repository that has MODULES besides."""
    plan = plan_of(root, {**MODULES, **(more or {}), path: code}, mapping, accept_likely)
    assert not any("fault of this program" in decision.what for decision in plan.decisions), plan.decisions
    contents = result_of(plan)[plan.files[path].new_path]
    return Rewritten(contents, [mention for mention in plan.mentions if mention.place.path == path])
