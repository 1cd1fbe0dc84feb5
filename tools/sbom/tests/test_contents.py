"""The layers' own lists of files."""

from pathlib import Path

import pytest

from sbom.contents import read_specifications
from sbom.tests.image_files import ImageFiles
from shared_libs.common.errors import InputError


def test_files_are_found_under_their_place_whatever_they_are_called(image: ImageFiles) -> None:
    odd = ["app/with space.txt", "app/a#b=c\\d", "app/größe.txt"]
    for place in odd:
        image.add(place, place.encode())

    files = read_specifications([image.specification()])

    assert [files[place].read_text() for place in odd] == odd
    assert "opt/link" not in files and "opt" not in files


def test_several_specifications_are_one_image(image: ImageFiles) -> None:
    first = image.specification("first.mtree")
    image.add("app/more.py", b"")

    assert read_specifications([first, image.specification("second.mtree")]).keys() == image.files.keys()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not an mtree specification"),
        ("./app type=file\n", "not an mtree specification"),
        ("#mtree\n/set type=file\n", ":2: not a line of mtree"),
        ("#mtree\n./app mode=0755\n", ":2: not a line of mtree"),
        (
            "#mtree\n./opt type=dir\n./app/x type=file content=nothing/here\n",
            ":3: names nothing/here, which is not there",
        ),
    ],
)
def test_what_is_no_specification_is_refused_with_its_line(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "layer.mtree"
    path.write_text(text)

    with pytest.raises(InputError, match=cause):
        read_specifications([path])
