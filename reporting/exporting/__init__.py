"""Reports and jobs as files: CSV, GeoJSON and GeoParquet of exactly what is filtered, and no more.

The rows come from one snapshot through a server-side cursor, written as text by the database, a
batch at a time: memory is that of a batch, and the first is there before the second is read. What
may be in a file is ``queries.exports.DATASETS``, a list of what is allowed. Nothing in it leads to
a resident: no name, address or device, and words of theirs only where the screen or a reader let
them through.
"""

from reporting.exporting.making import LOOKS, pieces
from reporting.exporting.room import Room

__all__ = ["LOOKS", "Room", "pieces"]
