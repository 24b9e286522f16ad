"""Card numbers that nobody can guess: prefix, random digits, check digit."""

import secrets
from typing import Final

DIGITS: Final = 16


def check_digit(digits: str) -> str:
    """Return the Luhn digit that belongs behind `digits`. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def is_valid(number: str) -> bool:
    """Tell whether the last digit of `number` is its check digit."""
    return check_digit(number[:-1]) == number[-1]


def make_number(prefix: str) -> str:
    """Return a new number of 16 digits; what follows the prefix is from the system's randomness."""
    body = prefix + "".join(secrets.choice("0123456789") for _ in range(DIGITS - 1 - len(prefix)))
    return body + check_digit(body)
