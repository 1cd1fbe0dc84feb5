"""Paths that code computes from its own place, and statements that change sys.path, as edits."""

import ast
import posixpath
import re

from migrate.analysis import Analysis
from migrate.dotted_imports import scope_of
from migrate.locations import Location, Locator, Spelling
from migrate.model import Certainty, Edit, Kind, Mention, Place, Renames
from migrate.naming import Naming
from migrate.rewriting_imports import Rewritten
from migrate.roots import PathHack
from migrate.source import Source

_SCATTERED = object()


def rewrite_locations(analysis: Analysis, naming: Naming, renames: Renames, path: str, new_path: str) -> Rewritten:
    """The edits that keep what a file computes from `__file__` meaning the same files, when it stands at `new_path`."""
    source = analysis.sources[path]
    result = Rewritten([], [])
    hacks = analysis.hacks.get(path, [])
    result.mentions += _composed_mentions(source, renames)
    if not hacks and b"__file__" not in source.contents:
        return result
    skipped = _rewrite_hacks(analysis, naming, source, new_path, hacks, result)
    if b"__file__" not in source.contents:
        return result
    old = Locator(source, path)
    known: dict[str, Location] = {}
    for name, meant in old.names().items():
        after = _after(meant.path, path, new_path, renames)
        if isinstance(after, str):
            known[name] = Location(after, meant.is_path, True)
    new = Locator(source, new_path, known)
    plain = Locator(source, new_path)
    only_hacks = _names_only_in(source, skipped)
    stack: list[ast.AST] = [source.tree]
    while stack:
        node = stack.pop()
        if node in skipped:
            continue
        location = old.evaluate(node) if isinstance(node, ast.expr) and not isinstance(node, ast.Name) else None
        if location is None or not location.anchored:
            stack.extend(reversed(list(ast.iter_child_nodes(node))))
            continue
        assert isinstance(node, ast.expr)
        wanted = _after(location.path, path, new_path, renames)
        component = naming.component_of(path)
        if component is not None and location.path in analysis.modules.roots and _is_for_programs(source, node):
            wanted = component.import_root  # where the program that is started finds this very code
        _rewrite_location(
            source,
            node,
            location,
            wanted,
            (plain if _is_named(source, node) else new),
            known,
            renames,
            new_path,
            only_hacks,
            result,
        )
    return result


def composed_paths(source: Source) -> list[tuple[ast.expr, Location]]:
    """Paths that are put together from parts, relative to the working folder; of nested ones, the outermost.

    `os.path.join("src", "a")`, `Path("src") / "a"`
    """
    if not any(word in source.contents for word in (b"join(", b"Path(", b"joinpath(")):
        return []
    locator = Locator(source, source.path)
    found: list[tuple[ast.expr, Location]] = []
    inside: set[ast.AST] = set()
    for node in [*source.of_type(ast.BinOp), *source.of_type(ast.Call)]:
        if node in inside or not isinstance(node.op if isinstance(node, ast.BinOp) else ast.Div(), ast.Div):
            continue
        if isinstance(node, ast.Call) and len(node.args) < 2 and getattr(node.func, "attr", "") != "joinpath":
            continue
        location = locator.evaluate(node)
        if location is None or location.anchored:
            continue
        inside.update(ast.walk(node))
        found.append((node, location))
    return [
        entry for entry in found if not any(entry[0] is not other and _holds(other, entry[0]) for other, _ in found)
    ]


def _holds(outer: ast.AST, inner: ast.AST) -> bool:
    return any(node is inner for node in ast.walk(outer))


def _composed_mentions(source: Source, renames: Renames) -> list[Mention]:
    found = []
    for node, location in composed_paths(source):
        path = posixpath.normpath(location.path)
        place = Place(source.path, node.lineno)
        text = source.segment(node).decode(source.encoding, "replace")
        if path in renames.scattered and "/" in path:
            taken = ", ".join(renames.scattered[path])
            found.append(Mention(place, text, "", Certainty.ASK, f"a folder whose files part: {taken}"))
            continue
        new = renames.files.get(path) or renames.folders.get(path)
        if new is None or "/" not in path:
            continue
        named = any(
            isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and not _is_called(source, n)
            for n in ast.walk(node)
        )
        certainty = Certainty.CERTAIN if path in renames.files and not named else Certainty.LIKELY
        quoted = ", ".join(f'"{part}"' for part in new.split("/"))
        spelling = Spelling.of(source, scope_of(source, node))
        replacement = f"{spelling.path}({quoted})" if location.is_path else f"{spelling.os_path}.join({quoted})"
        if not (spelling.path if location.is_path else spelling.os_path) or '"' in new or "\\" in new:
            found.append(Mention(place, text, new, Certainty.ASK, "a path in parts"))
            continue
        edit = Edit(source.start(node), source.end(node), source.encode(replacement))
        found.append(Mention(place, text, replacement, certainty, "a path in parts", (edit,)))
    return found


def _is_called(source: Source, node: ast.Name) -> bool:
    """Whether a name is (the beginning of) what a call calls: Path, os in os.path.join."""
    child: ast.AST = node
    while isinstance(parent := source.parents.get(child), ast.Attribute):
        child = parent
    return isinstance(parent, ast.Call) and parent.func is child


def _is_for_programs(source: Source, node: ast.expr) -> bool:
    """Whether a place goes into the PYTHONPATH of a program that is started, itself or by the name that it is given."""
    if b"PYTHONPATH" not in source.contents:
        return False
    statement: ast.AST = node
    while not isinstance(statement, ast.stmt):
        statement = source.parents[statement]
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return "PYTHONPATH" in ast.unparse(statement)
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if any("PYTHONPATH" in ast.unparse(target) for target in targets):
        return True
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    for assigned in source.of_type(ast.Assign):
        to = " ".join(ast.unparse(target) for target in assigned.targets)
        if "PYTHONPATH" in to and any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(assigned.value)):
            return True
    return False


def _is_named(source: Source, node: ast.expr) -> bool:
    """Whether an expression is what a name is given: then it must not be judged by that name's meaning."""
    parent = source.parents.get(node)
    return isinstance(parent, ast.Assign | ast.AnnAssign) and any(
        isinstance(inner, ast.Name) and inner.id == "__file__" for inner in ast.walk(node)
    )


def _rewrite_location(
    source: Source,
    node: ast.expr,
    location: Location,
    wanted: str | object,
    locator: Locator,
    known: dict[str, Location],
    renames: Renames,
    new_path: str,
    only_hacks: set[str],
    result: Rewritten,
) -> None:
    now = locator.evaluate(node)
    place = Place(source.path, node.lineno)
    text = source.segment(node).decode(source.encoding, "replace")
    if not isinstance(wanted, str):
        parent = source.parents.get(node)
        named = parent.targets[0] if isinstance(parent, ast.Assign) else None
        if isinstance(named, ast.Name) and named.id in only_hacks:
            return
        if now is None or now.path != location.path:
            taken = ", ".join(renames.scattered.get(location.path, ()))
            result.mentions.append(
                Mention(
                    place, text, "", Certainty.ASK, f"means {location.path or 'the root'}, whose files part: {taken}"
                )
            )
        return
    if now is not None and now.path == wanted:
        return
    spelling = Spelling.of(source, scope_of(source, node))
    base = _base_name(node)
    replacement = None
    if base is not None and base in known:
        replacement = spelling.from_name(base, known[base].path, wanted, location.is_path)
    if replacement is None:
        replacement = spelling.from_file(wanted, new_path, text, location.is_path)
    if replacement is None:
        result.mentions.append(
            Mention(place, text, "", Certainty.ASK, f"means {location.path}, which becomes {wanted}")
        )
        return
    if (
        location.is_path
        and " / " in replacement
        and isinstance(source.parents.get(node), ast.Attribute | ast.Subscript)
    ):
        replacement = f"({replacement})"
    result.edits.append(Edit(source.start(node), source.end(node), source.encode(replacement)))


def _base_name(node: ast.expr) -> str | None:
    """The name that a path expression starts at: of `os.path.join(ROOT, "a")` and `ROOT / "a"` it is ROOT."""
    while True:
        match node:
            case ast.Name(id=name):
                return name if name != "__file__" else None
            case ast.BinOp(left=left):
                node = left
            case ast.Call(func=ast.Attribute(attr="join"), args=[first, *_]):
                node = first
            case _:
                return None


def _after(path: str, file: str, new_file: str, renames: Renames) -> str | object:
    """What a place is called afterwards; _SCATTERED where its files part."""
    if path == file:
        return new_file
    if path == posixpath.dirname(file) and path not in renames.folders:
        return posixpath.dirname(new_file)  # one's own folder stays one's own folder
    current, rest = path, ""
    while True:
        if current in renames.files:
            return posixpath.join(renames.files[current], rest) if rest else renames.files[current]
        if current in renames.folders:
            return posixpath.join(renames.folders[current], rest) if rest else renames.folders[current]
        if current in renames.scattered and current and not rest:
            return _SCATTERED
        if not current or current.startswith(".."):
            return path
        if rest and current in renames.scattered:
            if current == posixpath.dirname(file):
                return posixpath.join(posixpath.dirname(new_file), rest)
            return _SCATTERED  # nothing of that name is there: nobody knows where it would be
        current, leaf = posixpath.dirname(current), posixpath.basename(current)
        rest = posixpath.join(leaf, rest) if rest else leaf


def _names_only_in(source: Source, skipped: set[ast.AST]) -> set[str]:
    """The names that are read nowhere but in statements that go."""
    inside: set[ast.AST] = set()
    for statement in skipped:
        inside.update(ast.walk(statement))
    read_outside = {
        n.id for n in source.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n not in inside
    }
    return {n.id for n in inside if isinstance(n, ast.Name)} - read_outside


def _rewrite_hacks(
    analysis: Analysis, naming: Naming, source: Source, new_path: str, hacks: list[PathHack], result: Rewritten
) -> set[ast.AST]:
    """Removes what puts a dissolved root on sys.path, or names the new roots in a program. Gives what it dealt with."""
    done: set[ast.AST] = set()
    dead: list[ast.stmt] = []
    roots = _needed_roots(analysis, naming, source.path)
    replaced: set[str] = set()
    for hack in hacks:
        place = Place(source.path, hack.node.lineno)
        text = source.segment(hack.node).decode(source.encoding, "replace")
        if hack.folder is None:
            why = "puts a folder on sys.path that is not known, or of somebody's machine"
            result.mentions.append(Mention(place, text, "", Certainty.ASK, why))
            continue
        if not _is_dissolved(hack.folder, analysis, naming):
            continue
        statement = source.parents.get(hack.node)
        if not isinstance(statement, ast.Expr) or not hack.plain:
            result.mentions.append(
                Mention(place, text, "", Certainty.ASK, "puts a folder on sys.path whose modules move")
            )
            continue
        like = source.segment(hack.argument).decode(source.encoding, "replace")
        spelling = Spelling.of(source, scope_of(source, hack.node))
        wanted = [root for root in roots if root not in replaced]
        spelled = [spelling.from_file(root, new_path, like, False) for root in wanted]
        if source.runs_as_program and not naming.is_test_file(source.path) and wanted and all(spelled):
            replaced |= set(wanted)
            _replace_argument(source, statement, hack, [text for text in spelled if text], result)
            done.add(_guard(source, statement, [statement]) or statement)
        else:
            dead.append(statement)
    for statement in dead:
        guard = _guard(source, statement, dead)
        target = guard or statement
        if target in done:
            continue
        done.add(target)
        result.edits.append(_removal(source, target))
    return done


def _is_dissolved(folder: str, analysis: Analysis, naming: Naming) -> bool:
    """Whether a folder was an import root and holds no modules any more."""
    if folder in naming.kept_roots or folder == "" or folder not in analysis.modules.roots:
        return False
    if any(folder == tests or folder.startswith(f"{tests}/") for tests in naming.mapping.tests_folders):
        return False  # tests keep their arrangement, and find each other by it
    return all(
        naming.placement.files[path].new_path != path
        for path in analysis.inventory.below(folder)
        if path.endswith(".py")
    )


def _needed_roots(analysis: Analysis, naming: Naming, path: str) -> list[str]:
    """The import roots that a file's own imports need afterwards, its own component's first."""
    found: list[str] = []
    own = naming.component_of(path)
    components = [own] if own is not None else []
    for file in analysis.imported_files(path):
        component = naming.component_of(file)
        if component is not None:
            components.append(component)
    for component in components:
        if component.import_root not in found:
            found.append(component.import_root)
    if own is not None and own.kind is Kind.SERVICE and "" not in found:
        found.append("")
    return found


def _replace_argument(
    source: Source, statement: ast.Expr, hack: PathHack, spelled: list[str], result: Rewritten
) -> None:
    start, end = source.start(hack.argument), source.end(hack.argument)
    result.edits.append(Edit(start, end, source.encode(spelled[0])))
    if len(spelled) > 1:
        line_start = source.line_start(statement.lineno)
        indent = re.match(rb"[ \t\f]*", source.contents[line_start:])
        assert indent is not None
        before, after = source.contents[source.start(statement) : start], source.contents[end : source.end(statement)]
        more = b"".join(source.newline + indent.group() + before + source.encode(text) + after for text in spelled[1:])
        result.edits.append(Edit(source.end(statement), source.end(statement), more))


def _guard(source: Source, statement: ast.stmt, dead: list[ast.stmt]) -> ast.stmt | None:
    """The `if` that holds nothing but statements that go, so that it can go with them."""
    parent = source.parents.get(statement)
    if isinstance(parent, ast.If) and not parent.orelse and all(entry in dead for entry in parent.body):
        return parent
    return None


def _removal(source: Source, statement: ast.stmt) -> Edit:
    """An edit that takes a statement away, with its line; `pass` stands in where a body would be left empty."""
    start, end = source.start(statement), source.end(statement)
    parent = source.parents[statement]
    bodies = [body for name in ("body", "orelse", "finalbody") if isinstance(body := getattr(parent, name, None), list)]
    body = next(body for body in bodies if statement in body)
    assert statement.end_lineno is not None
    line_start, line_end = source.line_start(statement.lineno), source.line_start(statement.end_lineno + 1)
    rest = source.contents[end:line_end]
    alone = not source.contents[line_start:start].strip() and re.fullmatch(
        rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)?", rest
    )
    if len(body) == 1 and not isinstance(parent, ast.Module):
        return Edit(start, end, b"pass")
    if alone:
        return Edit(line_start, line_end, b"")
    following = re.match(rb"[ \t]*;[ \t]*", rest)
    return Edit(start, end + (following.end() if following else 0), b"" if following else b"pass")
