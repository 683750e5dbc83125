"""What a resident answers to a category's questions, and whether it fits. Pure."""

from routing.categories import Answers, Category, Question
from routing.errors import AnswersRefused

#: The largest number that JSON gives to every program unchanged (RFC 8259 section 6).
NUMBER_LIMIT = 2**53 - 1

#: Longest text answer; a description belongs into the report's own words.
TEXT_LIMIT = 500


def check_answers(category: Category, answers: Answers, *, waive_required: bool = False) -> None:
    """Whether these answers fit. Raises AnswersRefused with one sentence that echoes no answer.

    ``waive_required`` is for a report that says it is the same as a known job.
    """
    by_code = category.by_code
    for code, answer in answers.items():
        question = by_code.get(code)
        if question is None:
            asked = ", ".join(by_code) or "nothing"
            raise AnswersRefused(
                f"An answer is to a question {category.code} does not ask; it asks {asked}."
            )
        _check_answer(question, answer)
    if not waive_required and not category.required <= answers.keys():
        missing = ", ".join(code for code in by_code if code in category.required - answers.keys())
        raise AnswersRefused(
            f"{category.code} needs an answer to: {missing}.", missing=missing.split(", ")
        )


def _check_answer(question: Question, answer: object) -> None:
    code = question.code
    match question.kind:
        case "choice":
            if not isinstance(answer, str) or answer not in question.choice_codes:
                choices = ", ".join(choice.code for choice in question.choices)
                raise AnswersRefused(f"The answer to {code} must be one of: {choices}.")
        case "bool":
            if not isinstance(answer, bool):
                raise AnswersRefused(f"The answer to {code} must be true or false.")
        case "number":
            _check_number(question, answer)
        case "text":
            if not isinstance(answer, str) or not answer.strip() or len(answer) > TEXT_LIMIT:
                raise AnswersRefused(
                    f"The answer to {code} must be text of 1 to {TEXT_LIMIT} characters."
                )


def _check_number(question: Question, answer: object) -> None:
    low, high, unit = question.minimum, question.maximum, question.unit or ""
    if (
        isinstance(answer, (int, float))
        and not isinstance(answer, bool)
        and abs(answer) <= NUMBER_LIMIT  # and so no NaN
        and (low is None or answer >= low)
        and (high is None or answer <= high)
    ):
        return
    bounds = f" from {low:g}" if low is not None else ""
    bounds += f" up to {high:g}" if high is not None else ""
    raise AnswersRefused(
        f"The answer to {question.code} must be a number{bounds} {unit}".strip() + "."
    )
