"""Refusals that concern rules and categories."""

from geo.errors import Refusal


class UnknownCategory(Refusal):
    """There is no such category here; GET /v1/categories lists them."""

    code = "unknown-category"


class AnswersRefused(Refusal):
    """The answers do not fit the category's questions."""

    code = "answers-refused"


class RulesRefused(Refusal):
    """The responsibilities cannot be loaded as they are."""

    code = "rules-refused"


class CategoriesRefused(Refusal):
    """The categories cannot be loaded as they are."""

    code = "categories-refused"


class NoFallbackTeam(Refusal):
    """The authority has no fallback team; load its responsibilities, or add it again."""

    code = "no-fallback-team"


class NotTheirGround(Refusal):
    """That authority does not answer for this place: correct the place, or refer it elsewhere."""

    code = "not-their-ground"
