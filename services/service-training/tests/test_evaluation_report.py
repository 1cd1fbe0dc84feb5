"""The report: one page that holds everything it shows, and says what it shows."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.dataset.crop_set import CropSet
from training.evaluation.measuring import Scores, measure
from training.evaluation.report import ReportFacts, report_html

FACTS = ReportFacts(title="Model one", subtitle="on Sunday's game", name="model one")


def crop_set(people: int = 4, each: int = 5, name: str = "p{}", folder: str = "") -> CropSet:
    """Crops of one colour for each person, a little darker each second."""
    identity = np.repeat(np.arange(people, dtype=np.int32), each)
    colour = np.random.default_rng(1).integers(60, 250, (people, 3))
    shades = colour[identity] - 4 * np.tile(np.arange(each), people)[:, None]
    return CropSet(
        pictures=np.broadcast_to(shades[:, None, None], (len(identity), 32, 16, 3)).astype(np.uint8),
        identity=identity,
        time=np.tile(np.arange(each) * 61.5, people),
        names=tuple(f"{folder}{who}/{number}.jpg" for number, who in enumerate(identity)),
        identities=tuple(name.format(person) for person in range(people)),
        game=np.zeros(people, np.int32),
        different=~np.eye(people, dtype=bool),
    )


def looks(crops: CropSet, noise: float, seed: int = 0) -> NDArray[np.float32]:
    """Vectors of the crops: each person's own direction, and noise."""
    random = np.random.default_rng(seed)
    vectors = np.eye(len(crops.identities))[crops.identity] + noise * random.standard_normal(
        (len(crops), len(crops.identities))
    )
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def scored(crops: CropSet, noise: float = 0.6, seed: int = 0) -> Scores:
    return measure(looks(crops, noise, seed), crops, quiet=True)


def decoded(data: str) -> NDArray[np.uint8]:
    """The picture, RGB, in the base64 text of a JPEG file."""
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture[..., ::-1], np.uint8)


class Page(HTMLParser):
    """The text of a page, where it points to, and whether its tags are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def test_the_page_holds_everything_and_reaches_for_nothing() -> None:
    crops = crop_set()
    page = report_html(scored(crops), FACTS, crops)
    parsed = Page(page)
    assert parsed.open == []
    assert parsed.links and all(link.startswith("data:image/jpeg;base64,") for link in parsed.links)
    assert "<script" not in page and "http:" not in page and "https:" not in page
    assert not re.search(r"url\(|@import", page)


def test_equal_scores_give_equal_pages() -> None:
    crops = crop_set()
    assert report_html(scored(crops), FACTS, crops) == report_html(scored(crops), FACTS, crops)


def test_drawings_are_well_formed_and_finite() -> None:
    crops = crop_set()
    drawings = re.findall(r"<svg.*?</svg>", report_html(scored(crops), FACTS, crops), re.DOTALL)
    assert len(drawings) == 3
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', drawing)[0])
        for points in re.findall(r'points="([^"]*)"', drawing):
            places = np.array([point.split(",") for point in points.split()], float)
            assert (places >= 0).all() and (places <= (width, height)).all()


def test_the_scores_stand_beside_those_of_the_baselines() -> None:
    crops = crop_set()
    scores, colours, chance = scored(crops, 0.3), scored(crops, 0.8), scored(crops, 5)
    about = ReportFacts("Model one", "", "model one", baselines=[("colours", colours), ("by chance", chance)])
    text = Page(report_html(scores, about, crops)).text
    for name, of in (("model one", scores), ("colours", colours), ("by chance", chance)):
        metrics = of.to_metrics()
        row = " ".join(f"{100 * metrics[key]:.1f}" for key in ("rank1", "rank5", "rank10", "mAP", "mINP"))
        assert f"{name} {row}" in text
    assert "more in the table" not in text


def test_more_baselines_than_colours_are_in_the_table_only() -> None:
    crops = crop_set()
    scores = scored(crops)
    about = ReportFacts("Model one", "", "model one", baselines=[(f"number {n}", scores) for n in range(6)])
    page = report_html(scores, about, crops)
    assert "And 3 more in the table above." in page
    assert "number 5" in page
    assert page.count("<polyline") == 4 + 4 + 2


def test_confusions_show_the_pictures_they_name() -> None:
    crops = crop_set()
    scores = scored(crops, noise=0.9)
    assert scores.confusions
    page = report_html(scores, FACTS, crops)
    shown = [decoded(data) for data in re.findall(r"data:image/jpeg;base64,([^\"]+)", page)]
    expected = [row for confusion in scores.confusions for row in (confusion.query, confusion.wrong, confusion.right)]
    assert len(shown) == len(expected)
    for picture, row in zip(shown, expected, strict=True):
        assert picture.shape == crops.pictures[row].shape
        assert np.abs(picture.astype(int) - crops.pictures[row]).max() <= 6
    worst = scores.confusions[0]
    assert f"{worst.wrong_likeness:.3f} alike" in page and f"{worst.right_likeness:.3f} alike" in page
    assert f"<b>Query</b>{crops.identities[crops.identity[worst.query]]}<br>" in page


def test_confusions_that_are_not_shown_are_counted() -> None:
    crops = crop_set(people=8, each=8)
    scores = scored(crops, noise=3)
    confused = int((scores.ranking.answers.first_rank > 1).sum())
    more = confused - len(scores.confusions)
    assert more > 0
    assert f"And {more} more. In {confused} of 64 queries" in Page(report_html(scores, FACTS, crops)).text


def test_without_confusions_the_page_says_so() -> None:
    crops = crop_set()
    assert "None: the right person came first every time." in report_html(scored(crops, noise=0), FACTS, crops)


def test_times_are_minutes_and_seconds_and_unknown_ones_are_left_out() -> None:
    crops = crop_set()
    page = report_html(scored(crops, noise=0.9), FACTS, crops)
    assert set(re.findall(r"\d+:\d\d\.\d", page)) <= {"0:00.0", "1:01.5", "2:03.0", "3:04.5", "4:06.0"}
    unknown = CropSet(
        crops.pictures,
        crops.identity,
        np.full(len(crops), np.nan),
        crops.names,
        crops.identities,
        crops.game,
        crops.different,
    )
    page = report_html(scored(unknown, noise=0.9), FACTS, unknown)
    assert "nan" not in page and not re.search(r"\d+:\d\d\.\d", page)


def test_the_hardest_people_come_first_and_the_rest_is_counted() -> None:
    crops = crop_set(people=20, each=4)
    vectors = looks(crops, noise=0)
    vectors[crops.identity == 7] = np.eye(20)[[0, 1, 2, 3]]
    text = Page(report_html(measure(vectors, crops, quiet=True), FACTS, crops)).text
    assert re.search(r"People, hardest first queries rank-1 mAP p7 4 0\.0", text)
    assert "And 5 more." in text


def test_people_who_cannot_be_measured_are_counted() -> None:
    crops = crop_set(people=4, each=3)
    moment = np.where(crops.identity == 2, 0.5 * crops.time / 61.5 / 2, crops.time)
    short = CropSet(crops.pictures, crops.identity, moment, crops.names, crops.identities, crops.game, crops.different)
    assert "1 of 4 could not be measured" in report_html(scored(short), FACTS, short)


def test_names_are_text_and_not_markup() -> None:
    nasty = "<b>\"Bo' & co</b>{}"
    crops = crop_set(name=nasty, folder=nasty)
    about = ReportFacts(nasty, nasty, nasty, data=[(nasty, nasty)], baselines=[(nasty, scored(crops))], remark=nasty)
    page = report_html(scored(crops, noise=0.9), about, crops)
    assert '<b>"Bo' not in page
    assert "<b>\"Bo' & co</b>" in Page(page).text


def test_what_has_to_be_said_comes_before_the_scores() -> None:
    crops = crop_set()
    about = ReportFacts(
        "Model one", "", "model one", data=[("Film", "sunday.mp4")], remark="Twelve pictures were broken."
    )
    text = Page(report_html(scored(crops), about, crops)).text
    assert text.index("Twelve pictures were broken.") < text.index("Scores")
    assert "Film sunday.mp4" in text
    assert "4, in 1 game" in text and "6 of 6 pairs of them" in text


def test_the_protocol_names_the_moment_it_was_measured_with() -> None:
    crops = crop_set()
    scores = measure(looks(crops, 0.5), crops, same_moment_seconds=2.5, quiet=True)
    assert "less than 2.5 s apart are left out" in report_html(scores, FACTS, crops)


def test_where_nothing_could_be_measured_the_page_says_so() -> None:
    crops = crop_set(people=3, each=1)
    page = report_html(scored(crops), FACTS, crops)
    assert "Nothing could be measured" in page
    assert "<svg" not in page and "nan" not in page
    assert "How this was measured" in page


@pytest.mark.parametrize("noise", [0.0, 0.01, 50.0])
def test_vectors_of_any_quality_can_be_drawn(noise: float) -> None:
    crops = crop_set()
    page = report_html(scored(crops, noise), FACTS, crops)
    assert "nan" not in page and "inf" not in page.replace("information", "")


def test_vectors_that_are_all_the_same_recognise_everybody_or_nobody() -> None:
    crops = crop_set()
    page = report_html(measure(np.ones((len(crops), 1), np.float32), crops, quiet=True), FACTS, crops)
    assert "nan" not in page
    curve = re.findall(r'<polyline points="([^"]*)"', page)[1].split()
    heights = [float(point.split(",")[1]) for point in curve]
    assert heights[:-1] == [max(heights)] * 160 and heights[-1] == 12


def test_likenesses_that_hardly_differ_still_have_an_axis() -> None:
    crops = crop_set()
    vectors = np.column_stack([np.ones(len(crops)), 0.05 * looks(crops, 0.3)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    page = report_html(measure(vectors.astype(np.float32), crops, quiet=True), FACTS, crops)
    drawing = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[2]
    assert ">0.98<" in drawing and ">1<" in drawing
