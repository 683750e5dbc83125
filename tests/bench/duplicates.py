"""How well the score tells duplicates, on the reports of two cities.

Not a bench of time: it prints the tables of the README, and the weights that fit. What counts as
what is said in ``tests/support/cities.py``; the data is not part of the product.
"""

import argparse
from collections import Counter
from pathlib import Path

from tests.support import cities
from tests.support.cities import City, Pair, Scorer
from tests.support.scratch import ROOT

RECALLS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
METRES = (0.5, 10.0, 25.0, 50.0)


def curve(city: City, pairs: list[Pair], prior: float, by_kind: dict[str, float]) -> None:
    """Precision at each recall: distance only, one setting for all, a prior for each kind."""
    ways = {
        "distance only": [-pair.distance_m for pair in pairs],
        "score": [Scorer(prior)(pair).probability for pair in pairs],
        "with priors": [Scorer(prior, by_kind)(pair).probability for pair in pairs],
    }
    found = {
        name: cities.at_recalls(city, pairs, likeness, RECALLS) for name, likeness in ways.items()
    }
    print(f"{'recall at least':<18}" + "".join(f"{name:>24}" for name in ways))
    for number, recall in enumerate(RECALLS):
        points = [found[name][number] for name in ways]
        print(
            f"{recall:<18.2f}"
            + "".join(f"{f'{p.precision:.3f} ({p.pairs} pairs)':>24}" for p in points)
        )


def main(argv: list[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bench duplicates", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args(argv)
    boston = cities.boston(options.data)
    prior, by_kind = cities.priors(boston)
    later = cities.held_out(boston)
    named = sum(row.opened >= cities.HELD_OUT_FROM for row in boston.named.values())
    print(f"Boston: {len(boston.pairs)} pairs, {len(boston.named)} named; held out: {named} named")
    weights = ", ".join(f"{weight:.2f}" for weight in cities.fitted(boston))
    print(f"weights that fit the first months (spread, age, others): {weights}")
    print("\nprecision against the labels, months held out")
    curve(boston, later, prior, by_kind)
    print("\nprecision against the labels, all months")
    curve(boston, list(boston.pairs), prior, by_kind)
    joined = cities.joins(later, Scorer(prior, by_kind))
    found = sum(join.pair.names in boston.named for join in joined)
    kinds = Counter(join.pair.later.kind for join in joined)
    print(f"\ndefault setting, months held out: {len(joined)} reports join another")
    print(f"  of the named pairs it finds {found / named:.2f}; by kind: {dict(kinds)}")
    washington = cities.washington(options.data)
    likeness = [Scorer(prior)(pair).probability for pair in washington.pairs]
    flagged = sum(row.flagged for row in washington.rows)
    print(f"\nWashington: {len(washington.rows)} rows, {flagged} flagged; weights as they are")
    print(f"{'':<18}{'of the others':>16}{'of the flagged':>16}{'by the score':>16}")
    for metres in METRES:
        others, by_distance, by_score = cities.flagged_at(washington, likeness, metres)
        print(f"{f'within {metres:g} m':<18}{others:>16.3f}{by_distance:>16.3f}{by_score:>16.3f}")
