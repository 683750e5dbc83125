"""A chart holds every number that it is given, at its length, and says it."""

import re
from math import inf
from xml.etree import ElementTree as ET

import pytest

from reporting.charts import Mark, axis, bars, ceiling, columns


def widths(svg: str, kind: str, side: str) -> list[float]:
    root = ET.fromstring(svg)
    return [float(each.get(side, "")) for each in root.iter("rect") if each.get("class") == kind]


def test_a_bar_is_as_long_as_its_number() -> None:
    marks = [Mark("A", 100, "100", before=50), Mark("B", 25, "25"), Mark("C", None, "too few")]
    svg = bars(marks, name="x", title="Reports", words="By ward.")
    long, short = widths(svg, "bar", "width")
    assert long == pytest.approx(4 * short, abs=0.2)
    assert widths(svg, "before", "width") == [pytest.approx(long / 2, abs=0.2)]
    assert [each.text for each in ET.fromstring(svg).iter("title")] == [
        *("Reports", "A: 100", "B: 25", "C: too few")
    ]


def test_a_column_stands_on_the_axis_and_its_range_around_its_end() -> None:
    marks = [Mark("Mon", 10, "10", low=5, high=inf), Mark("Tue", 0, "0"), Mark("Wed", 5, "5")]
    root = ET.fromstring(columns(marks, name="x", title="t", words="w"))
    rects = [each for each in root.iter("rect") if each.get("class") == "bar"]
    feet = {round(float(r.get("y", "")) + float(r.get("height", "")), 1) for r in rects}
    assert len(feet) == 1
    assert [float(r.get("height", "")) for r in rects][1] == 0
    line = next(each for each in root.iter("line") if each.get("class") == "range")
    assert float(line.get("y1", "")) == pytest.approx(float(rects[2].get("y", "")))


def test_what_people_wrote_stays_text() -> None:
    bad = '<script>alert("1")</script>'
    for make in (bars, columns):
        svg = make([Mark(bad, 1, bad)], name="x", title=bad, words=bad)
        assert "<script" not in svg
        assert [each.text for each in ET.fromstring(svg).iter("title")] == [bad, f"{bad}: {bad}"]
        assert not re.search(r"\bstyle=", svg)


@pytest.mark.parametrize(
    ("most", "end", "marks"),
    [
        (0, 1, 3),
        (1, 1, 3),
        (7, 8, 5),
        (100, 100, 3),
        (101, 150, 4),
        (0.03, 0.03, 4),
        (12e6, 15e6, 4),
    ],
)
def test_an_axis_ends_above_the_most(most: float, end: float, marks: int) -> None:
    assert ceiling(most) == pytest.approx(end)
    found = axis(ceiling(most))
    assert found[-1] == pytest.approx(end)
    assert (found[0], len(found)) == (0, marks)


def test_nothing_to_draw_is_still_an_image() -> None:
    for make in (bars, columns):
        root = ET.fromstring(make([], name="x", title="t", words="none"))
        assert root.get("aria-labelledby") == "x-title x-words"
