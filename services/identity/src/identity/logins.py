"""User names and passwords that the system issues."""

import re
import secrets
import unicodedata
from typing import Final

# Without 0/o, 1/l/i: people type these from a slip of paper.
ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
PASSWORD_CHARACTERS: Final = 16  # 79 bits
NAME_CHARACTERS_MAX: Final = 20
DIGITS: Final = 6
NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")


def issue_password() -> str:
    """Return a random password; it works until it is changed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_CHARACTERS))


def issue_username(name: str) -> str:
    """Return a user name that begins like the person's first name and ends in random digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = NOT_PLAIN.sub(" ", plain).split()
    first = words[0][:NAME_CHARACTERS_MAX] if words else "member"
    return f"{first}.{secrets.randbelow(10**DIGITS):0{DIGITS}}"
