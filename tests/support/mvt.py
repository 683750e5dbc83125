"""Reads a Mapbox Vector Tile of points: protobuf by hand, as the format's specification 2.1 has it.

Written from the specification and not from what writes our tiles, so that a test compares two
makers.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Layer:
    """A layer: its features as (x, y, properties); x and y are of the first point."""

    name: str
    features: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)


def layers(tile: bytes) -> dict[str, Layer]:
    """The layers of a tile by name."""
    found = [_layer(body) for number, body in _fields(tile) if number == 3]
    return {layer.name: layer for layer in found}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 1:
                yield key >> 3, data[at : at + 8]
                at += 8
            case 2:
                length, at = _varint(data, at)
                yield key >> 3, data[at : at + length]
                at += length
            case 5:
                yield key >> 3, data[at : at + 4]
                at += 4


def _packed(data: bytes) -> list[int]:
    found, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _value(data: bytes) -> Any:
    [(number, value)] = _fields(data)
    match number:
        case 1:
            return value.decode()
        case 2:
            return struct.unpack("<f", value)[0]
        case 3:
            return struct.unpack("<d", value)[0]
        case 6:
            return _signed(value)
        case 7:
            return bool(value)
        case _:
            return value


def _layer(data: bytes) -> Layer:
    parts = list(_fields(data))
    keys = [value.decode() for number, value in parts if number == 3]
    values = [_value(value) for number, value in parts if number == 4]
    [name] = [value.decode() for number, value in parts if number == 1]
    layer = Layer(name)
    for number, body in parts:
        if number != 2:
            continue
        feature = dict(_fields(body))
        tags = _packed(feature.get(2, b""))
        _, dx, dy = _packed(feature[4])[:3]
        said = {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)}
        layer.features.append((_signed(dx), _signed(dy), said))
    return layer
