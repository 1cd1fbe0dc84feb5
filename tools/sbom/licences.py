"""What licences are called (SPDX), and which of them bind whoever passes software on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final

from cyclonedx.spdx import fixup_id, is_supported_id
from license_expression import ExpressionError, get_spdx_licensing  # type: ignore[import-untyped]

_SPDX: Final = get_spdx_licensing()

_BINDING: Final = re.compile(
    r"(AGPL|GPL|LGPL|MPL|EPL|CDDL|EUPL|OSL|CPL|CPAL|RPL|APSL|MS-RL|SSPL|QPL|GFDL|CC-BY-(NC|SA)|CECILL|Sleepycat)\b"
    r"|LicenseRef-(?!public-domain$)"
)

# What metadata calls a licence, in lower case, without the words that say nothing.
_NAMES: Final[Mapping[str, str]] = {
    "3-clause bsd": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software": "Apache-2.0",
    "apache version 2.0": "Apache-2.0",
    "apache, version 2.0": "Apache-2.0",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
    "gnu affero general public v3": "AGPL-3.0-only",
    "gnu affero general public v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gnu general public (gpl)": "GPL-1.0-or-later",
    "gnu general public v2 (gplv2)": "GPL-2.0-only",
    "gnu general public v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public v3 (gplv3)": "GPL-3.0-only",
    "gnu general public v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu lesser general public v2 (lgplv2)": "LGPL-2.0-only",
    "gnu lesser general public v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gnu lesser general public v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "gnu library or lesser general public (lgpl)": "LGPL-2.0-or-later",
    "isc (iscl)": "ISC",
    "mozilla public 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "zlib/libpng": "Zlib",
}

# What only this licence's text says. Texts do not say whether later versions of a licence may be chosen.
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    "AGPL-3.0-only": re.compile(r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3"),
    "Apache-2.0": re.compile(r"Apache License,?\s+Version 2\.0"),
    "BSD-2-Clause": re.compile(r"Redistribution and use in source and binary(?!.*endorse)", re.DOTALL),
    "BSD-3-Clause": re.compile(r"Redistribution and use in source and binary(?=.*endorse)", re.DOTALL),
    "GPL-2.0-only": re.compile(r"GNU GENERAL PUBLIC LICENSE\s+Version 2"),
    "GPL-3.0-only": re.compile(r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    "LGPL-2.1-only": re.compile(r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1"),
    "LGPL-3.0-only": re.compile(r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3"),
    "MIT": re.compile(r"Permission is hereby granted, free of charge"),
    "MPL-2.0": re.compile(r"Mozilla Public License,?\s+(Version|v\.) 2\.0", re.IGNORECASE),
}

_IS_WHOLE_TEXT: Final = re.compile(r"licen[sc]e|copying", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Licence:
    """An SPDX expression, or None where nobody knows, and what that was taken from."""

    expression: str | None
    basis: str
    declared: bool = True
    """Said by what is licensed; otherwise by those who reviewed it."""


def known_expression(text: str) -> str | None:
    """`text` as an SPDX expression in its usual spelling, or None if it is none. `LicenseRef-…` may stand in it."""
    text = text.strip()
    if is_supported_id(text):
        return text
    try:
        tree = _SPDX.parse(text)
    except (ExpressionError, AttributeError, TypeError):
        return None
    if tree is None:
        return None
    for symbol in _SPDX.license_symbols(tree, unique=True, decompose=True):
        if symbol.key not in _SPDX.known_symbols and not symbol.key.startswith("LicenseRef-"):
            return None
    return str(tree.render())


def binding_terms(expression: str) -> frozenset[str]:
    """The licences in an SPDX expression that bind whoever passes the software on.

    Copyleft, and terms of somebody's own (`LicenseRef-…`), which somebody has to read. Where there is a choice, the
    choice that binds least. Raises ValueError for what is no SPDX expression.
    """
    known = known_expression(expression)
    if known is None:
        raise ValueError(f"{expression!r} is no SPDX expression")
    return _terms(_SPDX.parse(known))


def all_of(expressions: Iterable[str | None]) -> str | None:
    """One SPDX expression that says all of them, or None where one of them is not known."""
    terms = list(expressions)
    if not terms or None in terms:
        return None
    if len(set(terms)) == 1:
        return terms[0]
    return str(_SPDX.parse(" AND ".join(f"({term})" for term in terms)).simplify().render())


def licence_of(metadata: Message, texts: Mapping[str, str]) -> Licence:
    """What a wheel says about its licence.

    metadata: its METADATA. texts: {name: content} of its licence files. An expression counts before the older fields,
    these before the classifiers. `BSD` alone can be two licences: then the texts decide, if each of them is known.
    """
    said = []
    for field in ("License-Expression", "License"):
        text = str(metadata.get(field) or "").strip()
        found = known_expression(text) or _of_name(text) if 0 < len(text) <= 200 else None
        if found:
            return Licence(found, field)
        if text:
            said.append(f"{field}: {text.splitlines()[0][:60]}")
    classifiers = [
        str(row).rsplit("::", 1)[1].strip() for row in metadata.get_all("Classifier") or [] if _is_licence(row)
    ]
    names = [_of_name(name) for name in classifiers]
    if names and None not in names:
        # Where the classifiers do not say how several belong together, every one may bind.
        return Licence(all_of(names), "Classifier")
    said += [f"Classifier: {name}" for name in classifiers]
    by_text = {name: _of_text(text) for name, text in texts.items() if _IS_WHOLE_TEXT.match(name)}
    if by_text and None not in by_text.values():
        return Licence(all_of(by_text.values()), "text of " + ", ".join(sorted(by_text)))
    return Licence(None, "; ".join(said) or "the wheel says nothing")


def _is_licence(classifier: Any) -> bool:
    return str(classifier).startswith("License :: ")


def _of_name(text: str) -> str | None:
    plain = " ".join(re.sub(r"\b(the|licen[sc]e)\b", " ", text.lower()).split())
    return fixup_id(plain) or _NAMES.get(plain)


def _of_text(text: str) -> str | None:
    return all_of(name for name, pattern in _TEXTS.items() if pattern.search(text))


def _terms(tree: Any) -> frozenset[str]:
    if isinstance(tree, _SPDX.OR):
        return min((_terms(part) for part in tree.args), key=lambda terms: (sorted(map(_reach, terms)), sorted(terms)))
    if isinstance(tree, _SPDX.AND):
        return frozenset[str]().union(*(_terms(part) for part in tree.args))
    name = str(tree.render())
    return frozenset({name}) if _BINDING.match(name) else frozenset()


def _reach(licence: str) -> int:
    """How far a licence reaches: over a network, over a whole program, or over the part alone."""
    if licence.startswith(("AGPL", "SSPL")):
        return 3
    return 2 if licence.startswith(("GPL", "EUPL", "OSL")) and " WITH " not in licence else 1
