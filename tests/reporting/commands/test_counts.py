"""`counts` from the shell: a check finds what is wrong, a rebuild puts it right."""

import asyncio
import random

from reporting.counting import folding
from reporting.runtime import Connection, Runtime
from tests.support.county import County
from tests.support.town import Town


async def test_a_check_names_what_is_wrong_and_a_rebuild_puts_it_right(
    run, runtime: Runtime, owner: Connection, county: County
) -> None:
    town = Town(county, random.Random(5))
    for _ in range(30):
        await town.anything(owner)
    async with runtime.unit() as conn:
        await folding.fold(conn)
    right = await asyncio.to_thread(run, "counts", "check")
    assert right.exit_code == 0, right.output
    assert "The counts are what reports and jobs say." in right.output

    await owner.execute(
        "update heat set counts = overlay(counts placing '\\x09' from 3) where z = 12 and span = 0"
    )
    await owner.execute("delete from figure_kept where level = 0 and span = 7")
    await owner.execute("update counted set priority = 4 where kind = 0 and priority <> 4")
    wrong = await asyncio.to_thread(run, "counts", "check")
    assert wrong.exit_code == 1
    for sentence in ("heat: series_id", "is wrong.", "figure_kept: authority_id", "is missing."):
        assert sentence in wrong.output
    assert "counted: id" in wrong.output

    for authority in ("shire", "west", "east"):
        done = await asyncio.to_thread(run, "counts", "rebuild", "--authority", authority)
        assert done.exit_code == 0, done.output
    assert (await asyncio.to_thread(run, "counts", "check")).exit_code == 0
    assert (await asyncio.to_thread(run, "counts", "rebuild")).exit_code == 0
    assert (await asyncio.to_thread(run, "counts", "check")).exit_code == 0


async def test_an_authority_that_is_not_there(run, county: County) -> None:
    done = await asyncio.to_thread(run, "counts", "rebuild", "--authority", "nowhere")
    assert done.exit_code == 1
    assert "There is no authority nowhere." in done.output
