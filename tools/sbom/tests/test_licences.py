"""Names of licences, and which of them bind."""

from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbom.licences import all_of, binding_terms, known_expression, licence_of

_FREE = st.sampled_from(["MIT", "Apache-2.0", "BSD-3-Clause", "LicenseRef-public-domain"])
_BINDING = st.sampled_from(["GPL-2.0-or-later", "LGPL-3.0-only", "MPL-2.0", "AGPL-3.0-only", "LicenseRef-Own"])

BSD = "Redistribution and use in source and binary forms, with or without modification …"
GPL = "GNU GENERAL PUBLIC LICENSE\n    Version 3, 29 June 2007 …"
NO_NAMES = BSD + " Neither the name of X nor the names of its contributors may be used to endorse it."


def metadata(**fields: str) -> Message:
    message = Message()
    for name, values in fields.items():
        for value in values.split("|"):
            message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("said", "texts", "expression", "basis"),
    [
        (metadata(License_Expression="MIT OR Apache-2.0"), {}, "MIT OR Apache-2.0", "License-Expression"),
        (metadata(License="Apache 2.0"), {}, "Apache-2.0", "License"),
        (metadata(License="The MIT License"), {}, "MIT", "License"),
        (metadata(License="mit"), {}, "MIT", "License"),
        (metadata(License="3-Clause BSD License"), {}, "BSD-3-Clause", "License"),
        (metadata(License="MPL-2.0 AND MIT"), {}, "MPL-2.0 AND MIT", "License"),
        (metadata(License_Expression="MIT", License="BSD-2-Clause"), {}, "MIT", "License-Expression"),
        (metadata(Classifier="License :: OSI Approved :: MIT License"), {}, "MIT", "Classifier"),
        (
            metadata(License="UNKNOWN", Classifier="Topic :: X|License :: OSI Approved :: ISC License (ISCL)"),
            {},
            "ISC",
            "Classifier",
        ),
        (
            metadata(Classifier="License :: OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)"),
            {},
            "LGPL-3.0-or-later",
            "Classifier",
        ),
        (metadata(License="BSD"), {"LICENSE": BSD}, "BSD-2-Clause", "text of LICENSE"),
        (metadata(License="BSD"), {"LICENSE": NO_NAMES}, "BSD-3-Clause", "text of LICENSE"),
        (
            metadata(),
            {"LICENSE": NO_NAMES, "LICENSE-APACHE": "Apache License\n   Version 2.0", "NOTICE": "GPL"},
            "Apache-2.0 AND BSD-3-Clause",
            "text of LICENSE, LICENSE-APACHE",
        ),
        (metadata(License="GPL"), {}, "GPL-1.0-or-later", "License"),
        (metadata(), {"COPYING": GPL + BSD}, "BSD-2-Clause AND GPL-3.0-only", "text of COPYING"),
    ],
)
def test_a_wheels_word_is_understood(said: Message, texts: dict[str, str], expression: str, basis: str) -> None:
    licence = licence_of(said, texts)

    assert (licence.expression, licence.basis, licence.declared) == (expression, basis, True)


@pytest.mark.parametrize(
    ("said", "basis"),
    [
        (metadata(), "the wheel says nothing"),
        (metadata(License="Ask us\nfirst"), "License: Ask us"),
        (
            metadata(License="BSD", Classifier="License :: OSI Approved :: BSD License"),
            "License: BSD; Classifier: BSD License",
        ),
        (metadata(Classifier="License :: Other/Proprietary License"), "Classifier: Other/Proprietary License"),
    ],
)
def test_what_is_not_understood_is_told_and_not_guessed(said: Message, basis: str) -> None:
    licence = licence_of(said, {"LICENSE": "All rights reserved."})

    assert (licence.expression, licence.basis) == (None, basis)


def test_one_text_that_is_not_understood_leaves_the_licence_open() -> None:
    licence = licence_of(metadata(License="BSD"), {"LICENSE": BSD, "LICENSE.more": "Ask us."})

    assert (licence.expression, licence.basis) == (None, "License: BSD")


@pytest.mark.parametrize(
    "text", ["", "nonsense", "MIT AND", "GPL-2.0-or-later WITH nothing-known", "MIT / BSD", "(", "MIT;"]
)
def test_what_is_no_expression_is_none(text: str) -> None:
    assert known_expression(text) is None
    with pytest.raises(ValueError, match="no SPDX expression"):
        binding_terms(text)


@pytest.mark.parametrize(
    ("expression", "terms"),
    [
        ("MIT", set()),
        ("LicenseRef-public-domain", set()),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", {"GPL-3.0-or-later WITH GCC-exception-3.1"}),
        ("MPL-2.0 AND MIT AND LicenseRef-Own", {"MPL-2.0", "LicenseRef-Own"}),
        ("LGPL-3.0-or-later OR GPL-2.0-or-later", {"LGPL-3.0-or-later"}),
        ("GPL-2.0-or-later OR AGPL-3.0-only", {"GPL-2.0-or-later"}),
        ("FTL OR GPL-2.0-only", set()),
        ("(MPL-2.0 OR GPL-2.0-only) AND (LGPL-2.1-only OR MIT)", {"MPL-2.0"}),
    ],
)
def test_of_a_choice_the_one_that_reaches_least_counts(expression: str, terms: set[str]) -> None:
    assert binding_terms(expression) == terms


@given(free=_FREE, binding=st.lists(_BINDING, min_size=1, max_size=4))
def test_every_licence_binds_that_must_be_kept_and_none_that_can_be_avoided(free: str, binding: list[str]) -> None:
    together = all_of([free, *binding])

    assert together is not None
    assert binding_terms(together) == set(binding)
    assert binding_terms(f"{free} OR ({together})") == set()


@given(st.lists(st.one_of(_FREE, _BINDING, st.just("MIT OR Zlib")), min_size=1))
def test_all_of_several_is_one_expression_whatever_their_order(expressions: list[str]) -> None:
    together = all_of(expressions)

    assert together == all_of(reversed(expressions))
    assert known_expression(str(together)) is not None
    assert all_of([*expressions, None]) is None
