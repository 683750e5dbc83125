"""Boston's and Washington's real requests, with their dirt, taken over as an IT officer would.

The default run takes a part of each; `./dev test --all` takes all of both.
"""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely

from reporting.importing import mapping
from routing.categories import SHIPPED
from tests.reporting.importing.conftest import Office
from tests.routing.oracle import Oracle

pytestmark = pytest.mark.data
EXAMPLES = Path(mapping.__file__).parent / "examples"
CITY_HALL = (42.3594, -71.0587)


class City:
    """One of the two: its files, and how its wards are loaded."""

    def __init__(self, slug: str, dump: str, wards: str, name: str, since: str) -> None:
        self.slug, self.dump, self.wards, self.name, self.since = slug, dump, wards, name, since

    def settle(self, office: Office, data: Path) -> None:
        """Categories, authority and wards."""
        office.ok("categories", "load", SHIPPED)
        office.ok("categories", "load", EXAMPLES / "us_city.categories.json")
        office.ok(
            "authority", "add", "--slug", self.slug, "--name", self.slug.title(),
            "--tier", "unitary", "--timezone", "America/New_York",
        )  # fmt: skip
        office.ok(
            "boundaries", "load", data / "boundaries" / "us" / self.wards,
            "--authority", self.slug, "--kind", "ward", "--code-field", "ward",
            "--name-field", self.name, "--valid-from", self.since, "--repair",
        )  # fmt: skip

    def rows(self, data: Path) -> Iterator[list[str]]:
        """The header and the rows."""
        with gzip.open(data / "requests" / self.dump, "rt", newline="") as file:
            yield from csv.reader(file)

    def oracle(self, office: Office, data: Path) -> Oracle:
        """Shapely on the polygons, made valid."""
        read = json.loads((data / "boundaries" / "us" / self.wards).read_text())
        for feature in read["features"]:
            shape = shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
            feature["geometry"] = shapely.geometry.mapping(shape)
        return Oracle(office.file("mended.geojson", json.dumps(read)), "ward")


BOSTON = City(
    "boston", "boston_311_2011-07_to_2011-12.csv.gz",
    "boston_wards_AS_PUBLISHED_3_invalid.geojson", "ward", "2011-01-01",
)  # fmt: skip
DC = City(
    "dc", "dc_311_2016-07-08_to_2016-08-16.csv.gz", "dc_wards_2012.geojson", "name", "2012-01-01"
)


def by_ward(office: Office) -> Counter[str]:
    rows = office.rows(
        "select code, count(*) as n from report left join area on area.id = ward_area_id group by 1"
    )
    return Counter({row["code"]: row["n"] for row in rows})


def recounted(city: City, office: Office, data: Path, every: int) -> Counter[str]:
    oracle = city.oracle(office, data)
    header, *rows = city.rows(data)
    lat, lng = header.index("lat"), header.index("lon")
    places = Counter((float(row[lng]), float(row[lat])) for row in rows[::every])
    found: Counter[str] = Counter()
    for place, count in places.items():
        found[oracle.ward(*place)[0]] += count
    return found


def part(city: City, office: Office, data: Path, every: int) -> Path:
    header, *rows = city.rows(data)
    path = office.desk / "part.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows[::every]])
    return path


@pytest.mark.parametrize(("city", "every"), [(BOSTON, 20), (DC, 10)], ids=["boston", "dc"])
def test_a_part_lies_in_the_wards_that_shapely_finds(
    office: Office, data: Path, city: City, every: int
) -> None:
    city.settle(office, data)
    map_file = EXAMPLES / f"{city.slug}.toml"
    said = office.ok("import", part(city, office, data, every), "--map", map_file)
    assert "0 were before, 0 are not." in said
    assert by_ward(office) == recounted(city, office, data, every)
    assert "The log is as it was written." in office.ok("verify")


@pytest.mark.long
def test_all_of_boston_and_washington(office: Office, data: Path) -> None:
    for city, rows, differ in ((BOSTON, 58_251, 2_124), (DC, 22_575, 35)):
        before = by_ward(office)
        city.settle(office, data)
        out = office.desk / f"{city.slug}-rejects.csv"
        said = office.ok(
            "import", data / "requests" / city.dump,
            "--map", EXAMPLES / f"{city.slug}.toml", "--rejects", out,
        )  # fmt: skip
        assert f"{rows:,} rows: {rows:,} taken over" in said
        assert f"{differ:,}  another ward was written down" in said
        assert out.read_text().count("\n") == 1
        assert by_ward(office) - before == recounted(city, office, data, 1)
        assert f"{rows:,} were before" in office.ok(
            "import", data / "requests" / city.dump, "--map", EXAMPLES / f"{city.slug}.toml"
        )
    shared = {(row["lat"], row["lng"]) for row in office.rows("select lat, lng from shared_point")}
    assert CITY_HALL in shared
    assert len(shared) <= 2
    assert "The log is as it was written." in office.ok("verify")
    assert office.count("outbox") == office.count("delivery") == 0
