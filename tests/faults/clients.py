"""Phones and a crew that never give up, and the ledger in which they keep what they were promised.

The ledger is written to disk before a request is made and after it is answered, so that it would
outlive its keeper too. What is in it as ``promised`` must be in the database, once.
"""

import asyncio
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.reporting.test_reports import FLY_TIPPING, POTHOLE
from tests.support.county import SOUTH, WARDS

#: What a client does not know the fate of, and sends again.
AGAIN = {409, 429, 503}


@dataclass
class Ledger:
    """A file of what was sent and what was promised."""

    path: Path
    promised: list[dict[str, Any]] = field(default_factory=list)
    #: How often a client had to send something again, by why.
    again: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._file = self.path.open("a")

    def sent(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """About to be sent, perhaps often."""
        self._write({"sent": kind, "key": key, "body": body})

    def keep(self, kind: str, key: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
        """Answered with a 2xx."""
        found = {"promised": kind, "key": key, "body": body, "answer": answer}
        self._write(found)
        self.promised.append(found)

    def of(self, kind: str) -> Iterator[dict[str, Any]]:
        """The promises of a kind, read from the disk."""
        for line in self.path.read_text().splitlines():
            found = json.loads(line)
            if found.get("promised") == kind:
                yield found

    def trouble(self, why: str) -> None:
        """A request that has to be sent again."""
        self.again[why] = self.again.get(why, 0) + 1

    def _write(self, found: dict[str, Any]) -> None:
        self._file.write(json.dumps(found) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@dataclass
class Clients:
    """A street of phones and the crew that works their jobs."""

    client: httpx.AsyncClient
    ledger: Ledger
    crew: dict[str, str]
    stopping: bool = False
    #: What no client may ever be told.
    unexpected: list[str] = field(default_factory=list)
    seed: int = 7

    async def persist(
        self, kind: str, path: str, key: str, body: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, Any] | None:
        """Send until it is accepted; None if it can never be."""
        self.ledger.sent(kind, key, body)
        while True:
            try:
                answer = await self.client.post(path, json=body, headers=headers)
            except httpx.HTTPError as error:
                self.ledger.trouble(type(error).__name__)
                await asyncio.sleep(0.05)
                continue
            if answer.status_code < 300:
                found: dict[str, Any] = answer.json()
                self.ledger.keep(kind, key, body, found)
                return found
            code = answer.json().get("code")
            if code == "conflict":
                return None
            if answer.status_code not in AGAIN or "Retry-After" not in answer.headers:
                self.unexpected.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
                return None
            self.ledger.trouble(str(code))
            await asyncio.sleep(0.05)

    async def send(self, devices: list[dict[str, str]], number: int) -> None:
        """Send reports from these phones, each with a key of its own, until told to stop."""
        chance = random.Random(self.seed * 1000 + number)
        while not self.stopping:
            ward = chance.choice(sorted(WARDS))
            west = WARDS[ward][1]
            # A coarse grid, so that some stand on another's job; well inside the ward.
            place = {
                "lat": round(SOUTH + chance.randint(1, 39) * 0.0005, 6),
                "lng": round(west + chance.randint(1, 39) * 0.0005, 6),
            }
            body: dict[str, Any] = {"category": "pothole", "location": place, "answers": POTHOLE}
            if chance.random() < 0.3:
                body |= {"category": "fly_tipping", "answers": FLY_TIPPING}
            key = str(uuid4())
            headers = {**chance.choice(devices), "Idempotency-Key": key}
            await self.persist("report", "/v1/reports", key, body, headers)

    async def work(self, number: int) -> None:
        """Change the status of jobs that somebody reported, until told to stop."""
        chance = random.Random(self.seed * 77 + number)
        while not self.stopping:
            potholes = [
                each["answer"]["job"]["id"]
                for each in self.ledger.promised
                if each["promised"] == "report" and each["answer"]["category"] == "pothole"
            ]
            if not potholes:
                await asyncio.sleep(0.02)
                continue
            job = chance.choice(potholes)
            try:
                seen = await self.client.get(f"/v1/jobs/{job}", headers=self.crew)
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if seen.status_code != 200:
                if seen.status_code != 503:
                    self.unexpected.append(f"job: {seen.status_code} {seen.text[:200]}")
                await asyncio.sleep(0.05)
                continue
            status = "received" if seen.json()["status"] == "in_progress" else "in_progress"
            key = str(uuid4())
            body = {
                "id": key,
                "base_version": seen.json()["version"],
                "made_at": datetime.now(UTC).isoformat(),
                "status": status,
            }
            await self.persist("update", f"/v1/jobs/{job}/updates", key, body, self.crew)
