"""Why a job came to a team: the reasons as data, kept with every assignment, and as a sentence.

The data names things as people know them (slugs, codes, names, dates), never by our ids alone, so
that it can be read years later, when areas and rules have changed.
"""

from collections.abc import Mapping
from typing import Any, Literal

from routing.place import Because, Standing
from routing.rulebook import AreaRow, AuthorityRow, Rules, TeamRow
from routing.rules import TYPE_PREFIX, Rule, Verdict, Why

_BECAUSE: Mapping[Because | Literal["named"], str] = {
    "ward": "it lies in one of its wards",
    "division": "it lies in one of its divisions",
    "authority": "it lies in its area",
    "member": "it lies in one of its districts",
    "zone": "it lies in one of its zones",
    "named": "the report names it",
}

_WHY: Mapping[Why, str] = {
    "only": "it is the only rule that applies",
    "category": "it names the category",
    "area": "it is for the most specific area",
    "rank": "it has the lowest rank",
    "tie": "two rules are equally specific (a mistake in the rules), and it is the older",
    "fallback": "no rule applies",
}

#: A job so marked waits for the authority that it was referred to; it was referred very often.
REFERRED_HERE, REFERRED_OFTEN = "referred_here", "referred_often"

_FLAGS = {
    "nearest_ward": "The place is in no ward; the nearest one was taken.",
    "no_ward": "The place is in no ward.",
    "near_boundary": "Another ward is within the accuracy of the place.",
    "needs_place": "Someone must find the place.",
    "needs_triage": "Someone must decide whose job it is.",
    "rules_tie": "The rules must be corrected.",
    REFERRED_HERE: "They have not said yet whether they take it.",
    REFERRED_OFTEN: "It goes to and fro: a supervisor must decide whose it is.",
}


def explain(
    rules: Rules,
    category: str,
    standing: Standing,
    verdict: Verdict,
    authority: AuthorityRow,
    team: TeamRow,
    flags: tuple[str, ...],
) -> dict[str, Any]:
    """The reasons as JSON data."""
    ward, division = standing.ward, standing.division
    reasons: dict[str, Any] = {
        "category": {"code": category, "name": rules.categories[category].name},
        "areas": [_area(rules, row) for row in standing.areas],
        "authorities": [
            {"slug": each.slug, "name": each.name, "tier": each.tier, "because": because}
            for each, because in standing.authorities
        ],
        "ward": ward.code if ward else None,
        "division": division.code if division else None,
        "rules": [_rule(rules, rule, won=rule is verdict.won) for rule in verdict.considered],
        "why": verdict.why,
        "authority": {"slug": authority.slug, "name": authority.name},
        "team": {"slug": team.slug, "name": team.name},
        "flags": list(flags),
        "rules_version": rules.version,
    }
    if standing.ward_distance_m is not None:
        reasons["ward_distance_m"] = round(standing.ward_distance_m, 1)
    if standing.ties:
        reasons["border"] = [{"chosen": first, "beside": rest} for first, *rest in standing.ties]
    if standing.near:
        reasons["near"] = [_area(rules, row) for row in standing.near]
    return reasons


def explain_words(rules: Rules, authority: AuthorityRow, team: TeamRow) -> dict[str, Any]:
    """The reasons when the place is known in words only."""
    return {
        "areas": [],
        "authorities": [
            {
                "slug": authority.slug,
                "name": authority.name,
                "tier": authority.tier,
                "because": "named",
            }
        ],
        "ward": None,
        "division": None,
        "rules": [],
        "why": "fallback",
        "authority": {"slug": authority.slug, "name": authority.name},
        "team": {"slug": team.slug, "name": team.name},
        "flags": ["needs_place"],
        "rules_version": rules.version,
    }


def explain_referral(
    reasons: Mapping[str, Any], sender: AuthorityRow, by: str, times: int
) -> dict[str, Any]:
    """The reasons when another authority passed a job on; ``rule`` is why the team has it."""
    return {
        **reasons,
        "why": "referred",
        "rule": reasons["why"],
        "from": {"slug": sender.slug, "name": sender.name},
        "by": by,
        "times": times,
    }


def sentence(reasons: Mapping[str, Any]) -> str:
    """The reasons as a supervisor reads them."""
    parts = [_where(reasons)]
    if reasons["why"] == "referred":
        parts.append(f"{reasons['from']['name']} referred it to {reasons['authority']['name']}.")
    else:
        parts.extend(
            f"{each['name']} answers for it because {_BECAUSE[each['because']]}."
            for each in reasons["authorities"]
        )
    parts.append(_choice(reasons))
    parts.extend(
        f"On a border {tie['chosen']} was chosen before {', '.join(tie['beside'])}."
        for tie in reasons.get("border", ())
    )
    parts.extend(_FLAGS[flag] for flag in reasons["flags"] if flag in _FLAGS)
    return " ".join(parts)


def _where(reasons: Mapping[str, Any]) -> str:
    named = [
        f"{area['kind']} {area['name']} ({area['code']}"
        + (f", in force since {area['since']})" if area["since"] else ")")
        for area in reasons["areas"]
    ]
    if not named:
        in_words = any(each["because"] == "named" for each in reasons["authorities"])
        return "The place is known in words only." if in_words else "The place lies in no ward."
    distance = reasons.get("ward_distance_m")
    if distance is None:
        return f"The place lies in {_list(named)}."
    return f"The place lies {distance:.0f} m from {named[0]}" + (
        f", and in {_list(named[1:])}." if named[1:] else "."
    )


def _choice(reasons: Mapping[str, Any]) -> str:
    team = f"{reasons['team']['name']} of {reasons['authority']['name']}"
    if REFERRED_OFTEN in reasons["flags"]:
        return f"It was referred {reasons['times']} times, so it went to the fallback team, {team}."
    if not reasons["rules"]:
        return f"No rule applies, so it went to the fallback team, {team}."
    category = reasons["category"]["name"]
    won = next(rule for rule in reasons["rules"] if rule["won"])
    others = len(reasons["rules"]) - 1
    why = reasons.get("rule", reasons["why"])
    against = f" before {others} other{'s' if others > 1 else ''}" if others else ""
    return (
        f"The rule of {won['authority']} for {won['category'] or 'any category'} in"
        f" {_extent(won)} won{against} because {_WHY[why]}: {category} there goes to"
        f" {team}."
    )


def _extent(rule: Mapping[str, Any]) -> str:
    kind, code = rule["area_kind"], rule["area_code"]
    if kind is None:
        return "its whole area"
    if code is None:
        return f"any {kind}"
    return (
        f"any {code[len(TYPE_PREFIX) :]} zone" if code.startswith(TYPE_PREFIX) else f"{kind} {code}"
    )


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _area(rules: Rules, row: AreaRow) -> dict[str, Any]:
    area = {
        "kind": row.kind,
        "code": row.code,
        "name": row.name,
        "authority": rules.authorities[row.authority_id].slug,
        "vintage": row.vintage_id,
        "since": row.valid_from,
        "until": row.valid_to,
    }
    return area if row.zone_type is None else {**area, "zone_type": row.zone_type}


def _rule(rules: Rules, rule: Rule, *, won: bool) -> dict[str, Any]:
    return {
        "authority": rules.authorities[rule.authority_id].slug,
        "category": rule.category,
        "area_kind": rule.area_kind,
        "area_code": rule.area_code,
        "team": rules.teams[rule.team_id].slug,
        "rank": rule.rank,
        "won": won,
    }
