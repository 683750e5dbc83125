"""Charts as SVG that says what it shows: bars side by side, columns in order of time (pure).

A chart is never the only place of a number: the table of the same numbers stands beside it, and the
chart's description says so. It is one image to a screen reader, with a title and a description;
each bar says its number where a pointer rests. Looks are classes (``static/charts.css``), since our
pages allow no styles within the text. Lightness and outline tell things apart, never hue alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 720
_NAMES, _SAID, _ROW = 190, 150, 28
_LEFT, _FOOT, _HIGH, _TOP = 56, 28, 220, 12
#: So many letters of a name fit beside its bar.
_LETTERS: Final = 26
#: Marks of an axis, about.
_MARKS: Final = 4
#: Labels under the columns, at most.
_LABELS: Final = 8
#: A label takes so much; nearer to the end than this it ends there.
_LABEL: Final = 64


@dataclass(frozen=True, slots=True)
class Mark:
    """A number to draw: how it is called and said, and how sure it is.

    ``faint``: told with reserve, because there are few of it, or because it is yet to come.
    """

    label: str
    value: float | None
    said: str
    low: float | None = None
    high: float | None = None
    before: float | None = None
    faint: bool = False

    @property
    def reach(self) -> float:
        """The farthest that is drawn of it."""
        known = (self.value, self.high, self.before)
        return max((each for each in known if each is not None and each < inf), default=0.0)


def bars(marks: Sequence[Mark], *, name: str, title: str, words: str) -> Markup:
    """A bar for each from the left, its name before and its number behind it.

    ``name`` becomes the ids' beginning; the outline of a bar is what there was before.
    """
    most = ceiling(max((mark.reach for mark in marks), default=0.0))
    room = WIDTH - _NAMES - _SAID
    parts = []
    for n, mark in enumerate(marks):
        top = n * _ROW
        parts.append(
            Markup('<g class="row{}"><title>{}: {}</title>').format(
                " faint" if mark.faint else "", mark.label, mark.said
            )
        )
        parts.append(
            Markup('<text class="name" x="{}" y="{}" text-anchor="end">{}</text>').format(
                _NAMES - 10, top + 19, _cut(mark.label)
            )
        )
        if mark.before is not None:
            parts.append(
                _rect("before", _NAMES, top + 2, _along(mark.before, most, room), _ROW - 4)
            )
        end = 0.0
        if mark.value is not None:
            end = _along(mark.value, most, room)
            parts.append(_rect("bar", _NAMES, top + 6, end, _ROW - 12))
        if mark.low is not None and mark.high is not None:
            far = _along(min(mark.high, most), most, room)
            near = _along(mark.low, most, room)
            parts.append(_whisker(_NAMES + near, _NAMES + far, top + _ROW / 2))
            end = max(end, far)
        end = max(end, _along(mark.before, most, room) if mark.before is not None else 0.0)
        parts.append(
            Markup('<text class="said" x="{}" y="{}">{}</text></g>').format(
                round(_NAMES + end + 8, 1), top + 19, mark.said
            )
        )
    parts.append(_line("axis", _NAMES, 0, _NAMES, len(marks) * _ROW))
    return _svg("bars", parts, len(marks) * _ROW + 2, name, title, words)


def columns(marks: Sequence[Mark], *, name: str, title: str, words: str) -> Markup:
    """A column for each in their order, from 0 up, with an axis; a gap where nothing is known."""
    most = ceiling(max((mark.reach for mark in marks), default=0.0))
    wide = (WIDTH - _LEFT) / max(len(marks), 1)
    gap = min(4.0, wide * 0.2)
    parts = [_axis(at, most) for at in axis(most)]
    every = ceil(len(marks) / _LABELS) or 1
    for n, mark in enumerate(marks):
        left = _LEFT + n * wide
        parts.append(
            Markup('<g class="column{}"><title>{}: {}</title>').format(
                " faint" if mark.faint else "", mark.label, mark.said
            )
        )
        if mark.value is not None:
            up = _along(mark.value, most, _HIGH)
            parts.append(_rect("bar", left + gap / 2, _TOP + _HIGH - up, wide - gap, up))
        if mark.low is not None and mark.high is not None:
            middle = left + wide / 2
            high = _TOP + _HIGH - _along(min(mark.high, most), most, _HIGH)
            low = _TOP + _HIGH - _along(mark.low, most, _HIGH)
            parts.append(_line("range", middle, low, middle, high))
            parts += [_line("range", middle - 4, at, middle + 4, at) for at in (low, high)]
        if n % every == 0:
            parts.append(
                Markup('<text class="label" x="{}" y="{}" text-anchor="{}">{}</text>').format(
                    round(left + gap / 2 if left < WIDTH - _LABEL else WIDTH, 1),
                    _TOP + _HIGH + 20,
                    "start" if left < WIDTH - _LABEL else "end",
                    mark.label,
                )
            )
        parts.append(Markup("</g>"))
    return _svg("columns", parts, _TOP + _HIGH + _FOOT, name, title, words)


def ceiling(most: float) -> float:
    """The end of an axis that holds the most: 1, 2 or 5 times a power of ten, or between them."""
    if most <= 0:
        return 1.0
    step = _step(most)
    return ceil(round(most / step, 9)) * step


def axis(most: float) -> list[float]:
    """The marks of an axis, from 0 to its end."""
    step = _step(most)
    return [round(n * step, 9) for n in range(floor(round(most / step, 9)) + 1)]


def _step(most: float) -> float:
    rough = most / _MARKS
    power: float = 10.0 ** floor(log10(rough))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= rough * (1 - 1e-9))


def _along(value: float, most: float, room: float) -> float:
    return round(max(0.0, value) / most * room, 1)


def _cut(name: str) -> str:
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1].rstrip() + "…"


def _axis(at: float, most: float) -> Markup:
    y = _TOP + _HIGH - _along(at, most, _HIGH)
    said = Markup('<text class="label" x="{}" y="{}" text-anchor="end">{:,g}</text>')
    return _line("axis" if at == 0 else "grid", _LEFT, y, WIDTH, y) + said.format(
        _LEFT - 8, y + 5, at
    )


def _whisker(near: float, far: float, y: float) -> Markup:
    ends = [_line("range", at, y - 4, at, y + 4) for at in (near, far)]
    return Markup("").join([_line("range", near, y, far, y), *ends])


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    shape = Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>')
    return shape.format(kind, *(round(at, 1) for at in (x1, y1, x2, y2)))


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>')
    return shape.format(kind, *(round(at, 1) for at in (x, y, width, height)))


def _svg(
    kind: str, parts: Sequence[Markup], height: float, name: str, title: str, words: str
) -> Markup:
    head = Markup(
        '<svg class="chart {kind}" viewBox="0 0 {width} {height}" role="img"'
        ' aria-labelledby="{name}-title {name}-words" focusable="false">'
        '<title id="{name}-title">{title}</title><desc id="{name}-words">{words}</desc>'
    ).format(
        kind=kind,
        width=WIDTH,
        height=height,
        name=name,
        title=escape(title),
        words=escape(words),
    )
    return head + Markup("\n").join(parts) + Markup("</svg>")
