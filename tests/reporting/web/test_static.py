"""Static files and pages on the wire: compressed, kept, asked for again when they change."""

import gzip

import httpx
import pytest

from reporting.web.compress import accepts_gzip
from reporting.web.pages import static
from tests.support.county import County

SHEET = static.address("kerbline.css")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("*", True),
        ("", False),
        (None, False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("gzip;q=0.001", True),
        ("identity, x-gzip", True),
        ("notgzip", False),
    ],
)
def test_gzip_is_sent_to_who_accepts_it(header: str | None, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.fixture
def names() -> list[str]:
    found = [name for name in static.ASSETS if not name.startswith("vendor/")]
    assert "kerbline.css" in found
    return found


async def test_every_file_comes_compressed_or_plain_with_a_tag_for_each(client):
    for name in static.ASSETS:
        address = static.address(name)
        plain = await client.get(address, headers={"Accept-Encoding": "identity"})
        packed = await client.get(address, headers={"Accept-Encoding": "gzip"})
        assert plain.status_code == packed.status_code == 200
        assert plain.content == packed.content == static.ASSETS[name].body
        for each in (plain, packed):
            assert each.headers["vary"] == "Accept-Encoding"
            assert "immutable" in each.headers["cache-control"]
            assert each.headers["content-type"] == static.MEDIA_TYPES["." + name.rpartition(".")[2]]
        if "content-encoding" in packed.headers:
            assert plain.headers["etag"] != packed.headers["etag"]
            assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_what_has_not_changed_is_not_sent_again(client):
    packed = await client.get(SHEET)
    tag = packed.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await client.get(SHEET, headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    # The tag of the compressed bytes does not speak for the plain ones.
    plain = {"If-None-Match": tag, "Accept-Encoding": "identity"}
    assert (await client.get(SHEET, headers=plain)).status_code == 200


async def test_an_address_of_another_version_is_asked_for_each_time(client):
    for address in (
        "/static/~old/kerbline.css",
        "/static/kerbline.css",
        "/static/kerbline.css?v=x",
    ):
        answer = await client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"


async def test_a_module_s_imports_are_kept_too(client, names):
    """They are relative, so that they come from the same version."""
    for name in names:
        if name.endswith(".mjs"):
            words = (static.FOLDER / name).read_text()
            assert '"/static/' not in words.replace('"/static/vendor/', ""), name


@pytest.mark.parametrize("name", ["../static.py", "..%2fstatic.py", "vendor", "", "other.css"])
@pytest.mark.parametrize("folder", ["/static/", f"/static/~{static.VERSION}/"])
async def test_nothing_else_is_served(client, folder, name):
    assert (await client.get(folder + name)).status_code == 404


async def test_the_head_of_a_file_is_that_of_its_body(client):
    seen, asked = await client.get(SHEET), await client.head(SHEET)
    assert seen.headers["content-length"] == asked.headers["content-length"]
    assert seen.headers["etag"] == asked.headers["etag"]


def test_a_page_cannot_name_a_file_that_is_not_there():
    with pytest.raises(KeyError):
        static.address("other.css")


# Pages


def length(answer: httpx.Response) -> int:
    return int(answer.headers["content-length"])


async def test_a_page_is_compressed(client, county: County):
    plain = await client.get("/docs", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/docs", headers={"Accept-Encoding": "gzip"})
    assert packed.text == plain.text
    assert packed.headers["content-encoding"] == "gzip"
    assert length(packed) < length(plain) / 3
    assert "Accept-Encoding" in packed.headers["vary"]


async def test_no_length_tells_another_site_what_a_page_of_its_reporter_holds(client, county):
    headers = {"Sec-Fetch-Site": "cross-site", "Accept-Encoding": "gzip"}
    assert "content-encoding" in (await client.get("/docs", headers=headers)).headers
    headers["Cookie"] = "device=whatever"
    assert "content-encoding" not in (await client.get("/docs", headers=headers)).headers
    headers["Sec-Fetch-Site"] = "same-origin"
    assert "content-encoding" in (await client.get("/docs", headers=headers)).headers


async def test_answers_of_the_api_are_left_as_they_are(client, county):
    answer = await client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_nothing_but_comments_is_left_out():
    for name, asset in static.ASSETS.items():
        source = (static.FOLDER / name).read_bytes()
        if asset.body == source:
            continue
        assert not name.startswith("vendor/")
        kept = iter(asset.body.splitlines())
        line = next(kept, None)
        for each in source.splitlines():
            if each == line:
                line = next(kept, None)
            else:
                assert name.endswith(".css") or each.lstrip().startswith(b"//"), (name, each)
        assert line is None


def test_what_is_packed_is_the_same_file():
    for name, asset in static.ASSETS.items():
        if asset.packed is not None:
            assert gzip.decompress(asset.packed) == asset.body, name


def test_only_comments_are_left_out_and_of_others_files_nothing():
    for name, asset in static.ASSETS.items():
        source = (static.FOLDER / name).read_bytes()
        if name.startswith("vendor/") or not name.endswith(("js", "css")):
            assert asset.body == source, name
        left_out = set(source.splitlines()) - set(asset.body.splitlines())
        if not name.endswith(".css"):
            assert all(line.lstrip().startswith(b"//") for line in left_out), name
