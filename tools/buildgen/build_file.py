"""Edits a BUILD file and prints it as buildifier does, leaving alone all that is not edited.

What is not touched stays byte for byte. A rule that is touched is printed anew: one argument per line, in buildifier's
order, with its comments; the values that were not touched are printed as they stood.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from buildgen.directives import Directive, directives_in
from buildgen.starlark import Expression, Item, Statement, parse

MARK = "# keep: buildgen "

# buildtools/tables/tables.go
_PRIORITY = {
    "name": -99,
    "package_name": -97,
    "size": -95,
    "timeout": -94,
    "testonly": -93,
    "src": -92,
    "srcs": -90,
    "out": -89,
    "outs": -88,
    "hdrs": -87,
    "destdir": 1,
    "exports": 2,
    "runtime_deps": 3,
    "deps": 4,
    "implementation": 5,
    "implements": 6,
    "alwayslink": 7,
}
_KEEP = re.compile(r"#\s*keep\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """A string in a list; `mark` is the place (`a.py:3`) that asks for what no import shows, "" elsewhere."""

    value: str
    mark: str = ""


@dataclass(slots=True)
class Attribute:
    """An argument: its value as text, and its comments."""

    text: str
    before: list[str] = field(default_factory=list)
    suffix: str = ""


def sort_key(value: str) -> tuple[int, list[str], str]:
    """buildifier's order of strings in a list."""
    phase = 1 if value.startswith(":") else 2 if value.startswith("//") else 3 if value.startswith("@") else 0
    return phase, value.replace(":", ".").split("."), value


class Rule:
    """A call at the top level of a BUILD file that has a name."""

    def __init__(self, kind: str, name: str, statement: Statement | None, text: str) -> None:
        self.kind = kind
        self.name = name
        self.statement = statement
        self.changed = statement is None
        self.removed = False
        self._text = text
        self._values: dict[str, Expression] = {}
        self.positional: list[Attribute] = []
        self.attributes: dict[str, Attribute] = {}
        self.trailing: list[str] = []
        if statement is not None and statement.call is not None:
            for item in statement.call.arguments:
                attribute = Attribute(text[item.value.start : item.value.end], item.before, item.suffix)
                if item.name:
                    self.attributes[item.name] = attribute
                    self._values[item.name] = item.value
                else:
                    self.positional.append(attribute)
            self.trailing = statement.call.trailing
        else:
            self.attributes["name"] = Attribute(quote(name))

    @property
    def line(self) -> int:
        return self.statement.line if self.statement else 0

    @property
    def comments(self) -> str:
        """The comments directly above, and at the rule's end."""
        if self.statement is None:
            return ""
        return self._text[self.statement.above : self.statement.start] + self.statement.suffix

    @property
    def kept(self) -> bool:
        """Whether a `# keep` says to leave the rule alone."""
        return _KEEP.search(self.comments) is not None

    def value(self, name: str) -> Expression | None:
        return self._values.get(name)

    def strings(self, name: str) -> list[str] | None:
        """The strings of a list; None where the attribute is missing or holds something else."""
        value = self._values.get(name)
        if value is None or value.kind != "list":
            return None
        return [item.value.value for item in value.items if item.value.kind == "string"]

    def string(self, name: str) -> str | None:
        value = self._values.get(name)
        return value.value if value is not None and value.kind == "string" else None

    def glob(self, name: str) -> tuple[list[str], list[str]] | None:
        """(patterns, excluded patterns) where an attribute is one plain glob([…])."""
        value = self._values.get(name)
        if value is None or value.kind != "call" or value.name != "glob":
            return None
        lists = {"include": [], "exclude": []}  # type: dict[str, list[str]]
        for item in value.arguments:
            if item.value.kind == "list" and (item.name or "include") in lists:
                lists[item.name or "include"] = [i.value.value for i in item.value.items if i.value.kind == "string"]
            elif item.name != "allow_empty":
                return None
        return lists["include"], lists["exclude"]

    def attribute_kept(self, name: str) -> bool:
        attribute = self.attributes.get(name)
        if attribute is None:
            return False
        return any(map(_KEEP.search, [*attribute.before, attribute.suffix])) and not attribute.suffix.startswith(MARK)

    def set(self, name: str, text: str) -> None:
        """Sets an attribute to an expression, given as text."""
        old = self.attributes.get(name)
        if old is None:
            self.attributes[name] = Attribute(text)
        elif _squeezed(old.text) == _squeezed(text):
            return
        else:
            old.text = text
        self._values.pop(name, None)
        self.changed = True

    def remove(self, name: str) -> None:
        if self.attributes.pop(name, None) is not None:
            self._values.pop(name, None)
            self.changed = True

    def merge(self, name: str, wanted: Iterable[Entry], *, replace: bool, globs: Sequence[str] = ()) -> bool:
        """Merges strings into a list.

        With `replace`, strings that are neither wanted nor marked `# keep` go; without, only those that buildgen marked
        itself. `globs` are patterns of folders, added as glob([…]). Returns False, having changed nothing, where the
        attribute is something that cannot be edited.
        """
        if self.attribute_kept(name):
            return True
        value = self._values.get(name)
        had = self.attributes.get(name)
        others: list[str] = []
        items: list[Item] = []
        trailing: list[str] = []
        if value is not None:
            if value.kind == "list":
                items, trailing = value.items, value.trailing
            elif value.kind == "sum" and any(part.value.kind == "list" for part in value.items):
                first = next(part.value for part in value.items if part.value.kind == "list")
                items, trailing = first.items, first.trailing
                others = [
                    self._text[p.value.start : p.value.end]
                    for p in value.items
                    if p.value is not first and not _is_folder_glob(p.value)
                ]
            elif value.kind == "call" and value.name == "glob" and _is_folder_glob(value):
                pass
            elif value.kind == "call" and value.name == "glob" and replace:
                pass  # the files that it stands for are listed
            elif value.kind in ("call", "name", "sum") and not replace:
                others = [self._text[value.start : value.end]]
            else:
                return False
        elif had is not None:
            return False
        asked = {entry.value: entry for entry in wanted}
        rows: list[tuple[str, list[str], str]] = []  # (text, comments above, comment at the end)
        seen = set()
        for item in items:
            if item.value.kind != "string":
                rows.append((self._text[item.value.start : item.value.end], item.before, item.suffix))
                continue
            text = item.value.value
            ours = item.suffix.startswith(MARK)
            by_hand = not ours and any(map(_KEEP.search, [*item.before, item.suffix]))
            entry = asked.get(text)
            if entry is None and not by_hand and (replace or ours):
                continue
            if text in seen:
                continue
            seen.add(text)
            suffix = item.suffix
            if entry is not None and not by_hand:
                suffix = MARK + entry.mark if entry.mark else "" if ours else item.suffix
                if entry.mark and not replace and not ours:
                    suffix = item.suffix  # written by hand before it was found in the code
            rows.append((quote(text), item.before, suffix))
        rows += [
            (quote(entry.value), [], MARK + entry.mark if entry.mark else "")
            for entry in sorted(asked.values(), key=lambda entry: sort_key(entry.value))
            if entry.value not in seen
        ]
        if not any(before for _, before, _ in rows) and not trailing and not _unsorted(items):
            rows.sort(key=lambda row: _row_key(row[0]))
        parts = [_list_text(rows, trailing)] if rows or trailing else []
        if globs:
            parts.append(_glob_text(sorted(globs)))
        parts += others
        if not parts:
            if had is not None and (replace or (value is not None and value.kind != "list") or items):
                self.remove(name)
            return True
        text = " + ".join(parts)
        if had is None or had.text != text:
            self.attributes.setdefault(name, Attribute("")).text = text
            self._values.pop(name, None)
            self.changed = True
        return True

    def text(self) -> str:
        """The rule as buildifier prints it."""
        named = sorted(self.attributes.items(), key=lambda pair: (_PRIORITY.get(pair[0], 0), pair[0]))
        rows = [f"{self.kind}("]
        for name, attribute in [*(("", attribute) for attribute in self.positional), *named]:
            rows += [f"    {comment}" for comment in attribute.before]
            suffix = f"  {attribute.suffix}" if attribute.suffix else ""
            rows.append(f"    {name} = {attribute.text},{suffix}" if name else f"    {attribute.text},{suffix}")
        rows += [f"    {comment}" for comment in self.trailing]
        rows.append(")")
        return "\n".join(rows)


class BuildFile:
    """A BUILD file that is being edited. Raises StarlarkError where its text cannot be read."""

    def __init__(self, text: str) -> None:
        self.original = text
        self._text = text
        self._statements = parse(text) if text.strip() else []
        self.rules: list[Rule] = []
        self._rule_of: dict[int, Rule] = {}
        self._inserted: dict[int, list[Rule]] = {}  # index of the statement that they stand before
        for index, statement in enumerate(self._statements):
            call = statement.call
            if call is None or not call.name or call.name in ("load", "package", "exports_files"):
                continue
            name = next((i.value.value for i in call.arguments if i.name == "name" and i.value.kind == "string"), None)
            if name is not None:
                rule = Rule(call.name, name, statement, text)
                self.rules.append(rule)
                self._rule_of[index] = rule
        self._loads: dict[int, tuple[str, dict[str, str]]] = {}
        self._changed_loads: set[int] = set()
        self._new_loads: dict[str, set[str]] = {}
        for index, statement in enumerate(self._statements):
            if statement.call is not None and statement.call.name == "load":
                self._read_load(index, statement.call)
        self._header: list[str] = []
        self._dropped: list[str] = []

    def _read_load(self, index: int, call: Expression) -> None:
        symbols: dict[str, str] = {}
        label = ""
        for item in call.arguments:
            if item.value.kind != "string":
                return
            if item.name:
                symbols[item.name] = item.value.value
            elif not label:
                label = item.value.value
            else:
                symbols[item.value.value] = item.value.value
        self._loads[index] = (label, symbols)

    def directives(self) -> list[Directive]:
        return directives_in(self._text)

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name and not rule.removed), None)

    def exported(self) -> set[str]:
        """What exports_files([…]) names."""
        names: set[str] = set()
        for statement in self._statements:
            if statement.call is not None and statement.call.name == "exports_files":
                for item in statement.call.arguments:
                    if item.value.kind == "list" and item.name in ("", "srcs"):
                        names |= {i.value.value for i in item.value.items if i.value.kind == "string"}
        return names

    def default_visibility(self) -> list[str]:
        for statement in self._statements:
            if statement.call is not None and statement.call.name == "package":
                for item in statement.call.arguments:
                    if item.name == "default_visibility" and item.value.kind == "list":
                        return [i.value.value for i in item.value.items]
        return []

    def add(self, kind: str, name: str, before: Rule | None) -> Rule:
        """Adds a rule; it stands before another one, or at the end."""
        rule = Rule(kind, name, None, "")
        at = len(self._statements)
        if before is not None and before.statement is not None:
            at = next(i for i, statement in enumerate(self._statements) if statement is before.statement)
        self._inserted.setdefault(at, []).append(rule)
        self.rules.append(rule)
        return rule

    def need(self, label: str, symbol: str) -> None:
        """Makes sure that `symbol` is loaded from `label`."""
        for index, (loaded, symbols) in self._loads.items():
            if symbol in symbols:
                return
            if loaded == label:
                symbols[symbol] = symbol
                self._changed_loads.add(index)
                return
        self._new_loads.setdefault(label, set()).add(symbol)

    def add_header(self, line: str) -> None:
        """Adds comment lines with a directive, above everything."""
        self._header.append(line)

    def drop_line(self, line: str) -> None:
        """Removes comment lines that stand one below the other, but for those that are to be added."""
        self._dropped.append(line)

    def unload_unused(self, symbols: set[str]) -> None:
        """Drops loads of those `symbols` that nothing in the file uses any more."""
        used = self._names_in_use()
        for index, (_, loaded) in self._loads.items():
            for symbol in symbols & loaded.keys() - used:
                del loaded[symbol]
                self._changed_loads.add(index)

    def _names_in_use(self) -> set[str]:
        used: set[str] = set()
        for index, statement in enumerate(self._statements):
            if index in self._loads:
                continue
            rule = self._rule_of.get(index)
            if rule is not None and rule.removed:
                continue
            text = rule.text() if rule is not None and rule.changed else self._text[statement.start : statement.end]
            used |= set(re.findall(r"[^\W\d]\w*", text))
        for rules in self._inserted.values():
            for rule in rules:
                used |= set(re.findall(r"[^\W\d]\w*", rule.text()))
        return used

    def text(self) -> str:
        """The file's new text, "" where nothing is left in it."""
        pieces: list[str] = []
        position = 0
        for index, statement in enumerate(self._statements):
            gap = self._text[position : statement.start]
            new = self._statement_text(index, statement)
            above = self._text[statement.above : statement.start]
            gap = gap[: len(gap) - len(above)]
            for rule in self._inserted.get(index, ()):
                gap = _spaced(gap) if gap.strip() or pieces else gap
                pieces += [gap, rule.text()]
                gap = "\n\n"
            if new is None:
                # The gap before what was removed stands for the one behind it too.
                following = self._text[statement.end :]
                rest = following[: len(following) - len(following.lstrip("\n"))]
                position = statement.end + len(rest)
                pieces.append(gap)
                continue
            pieces += [gap, above, new]
            position = statement.end
        rest = self._text[position:]
        for rule in self._inserted.get(len(self._statements), ()):
            before = "".join(pieces) + rest
            pieces, rest = [_spaced(before) if before.strip() else before, rule.text()], "\n"
        text = "".join(pieces) + rest
        text = self._with_header(text)
        text = self._with_new_loads(text)
        if text == self.original:
            return text
        text = re.sub(r"\n{3,}", "\n\n", text) if not re.search(r"\n{3,}", self.original) else text
        text = text.strip("\n")
        return text + "\n" if text else ""

    def _statement_text(self, index: int, statement: Statement) -> str | None:
        """None where the statement goes."""
        rule = self._rule_of.get(index)
        if rule is not None:
            if rule.removed:
                return None
            if rule.changed:
                return rule.text()
        if index in self._changed_loads:
            label, symbols = self._loads[index]
            return _load_text(label, symbols) if symbols else None
        return self._text[statement.start : statement.end]

    def _with_header(self, text: str) -> str:
        for line in self._dropped:
            within = any(line in header for header in self._header)
            text = text if within else re.sub(rf"^{re.escape(line)}\n", "", text, flags=re.M)
        missing = [line for line in self._header if not re.search(rf"^{re.escape(line)}$", text, re.M)]
        if not missing:
            return text
        return "\n".join(missing) + ("\n\n" + text.lstrip("\n") if text.strip() else "\n")

    def _with_new_loads(self, text: str) -> str:
        if not self._new_loads:
            return text
        rows = [_load_text(label, dict.fromkeys(symbols, "")) for label, symbols in sorted(self._new_loads.items())]
        statements = parse(text)
        loads = [s for s in statements if s.call is not None and s.call.name == "load"]
        if loads:
            for row in rows:
                statements = [s for s in parse(text) if s.call is not None and s.call.name == "load"]
                key = _load_key(_load_label(row))
                after = [s for s in statements if _load_key(_label_of(s)) < key]
                if after:
                    text = text[: after[-1].end] + "\n" + row + text[after[-1].end :]
                else:
                    text = text[: statements[0].above] + row + "\n" + text[statements[0].above :]
            return text
        block = "\n".join(rows)
        if not statements:
            return (_spaced(text) if text.strip() else "") + block + "\n"
        first = statements[0]
        docstring = text[first.start] in "\"'"
        at = first.end if docstring else first.above
        if docstring:
            return text[:at] + "\n\n" + block + text[at:]
        # Comments above the first statement that are no directives belong to it; a block apart stays on top.
        return text[:at] + block + "\n\n" + text[at:]


def quote(text: str) -> str:
    """A string literal as buildifier writes it."""
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return f'"{escaped}"'


def list_text(values: Iterable[str]) -> str:
    """A list of strings, in the order given, as the value of an argument."""
    return _list_text([(quote(value), [], "") for value in values], [])


def _list_text(rows: Sequence[tuple[str, list[str], str]], trailing: Sequence[str]) -> str:
    if not rows and not trailing:
        return "[]"
    if len(rows) == 1 and not trailing and not rows[0][1] and not rows[0][2]:
        return f"[{rows[0][0]}]"
    lines = ["["]
    for text, before, suffix in rows:
        lines += [f"        {comment}" for comment in before]
        lines.append(f"        {text}," + (f"  {suffix}" if suffix else ""))
    lines += [f"        {comment}" for comment in trailing]
    lines.append("    ]")
    return "\n".join(lines)


def _glob_text(patterns: Sequence[str]) -> str:
    return f"glob({list_text(patterns)})"


def _is_folder_glob(value: Expression) -> bool:
    """Whether an expression is a glob of whole folders, as buildgen writes it for data."""
    if value.kind != "call" or value.name != "glob" or len(value.arguments) != 1:
        return False
    patterns = value.arguments[0].value
    return patterns.kind == "list" and all(
        item.value.kind == "string" and item.value.value.endswith("/**") for item in patterns.items
    )


def _unsorted(items: Sequence[Item]) -> bool:
    return bool(items) and any("do not sort" in comment for comment in items[0].before)


def _row_key(text: str) -> tuple[int, list[str], str]:
    return sort_key(text[1:-1]) if text.startswith('"') else (9, [], text)


def _squeezed(text: str) -> str:
    return (
        re.sub(r"[ \t]+", " ", text.replace("\n", " ")).replace("[ ", "[").replace(", ]", "]")
        if "#" not in text
        else text
    )


def _spaced(text: str) -> str:
    return text.rstrip("\n") + "\n\n"


def _load_text(label: str, symbols: Iterable[str] | dict[str, str]) -> str:
    pairs = symbols if isinstance(symbols, dict) else dict.fromkeys(symbols, "")
    plain = [quote(name) for name, exported in sorted(pairs.items()) if exported in ("", name)]
    renamed = [f"{name} = {quote(exported)}" for name, exported in sorted(pairs.items()) if exported not in ("", name)]
    return f"load({', '.join([quote(label), *plain, *renamed])})"


def _load_label(text: str) -> str:
    return text.split('"')[1]


def _label_of(statement: Statement) -> str:
    arguments = statement.call.arguments if statement.call else []
    return arguments[0].value.value if arguments else ""


def _load_key(label: str) -> tuple[int, list[str]]:
    """buildifier's order of load statements: other repositories first, then this one, then this package."""
    place = 0 if label.startswith("@") else 1 if label.startswith("//") else 2
    return place, re.split(r"[/:]", label.lstrip("@/:"))
