"""Settings that every service has: environment variables that begin with KEMBALIAN_."""

import hashlib
import hmac
import secrets
import socket
import sys
from pathlib import Path
from typing import Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "KEMBALIAN_"
EXIT_WRONG_SETTINGS: Final = 2

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - no address at which anybody is reached


Kind = TypeVar("Kind", bound=BaseSettings)


def from_environment(kind: type[Kind]) -> Kind:
    """Return the settings that the environment gives a process that is being started.

    Raises SystemExit (2) when it has said on stderr which of them are missing or wrong.
    """
    try:
        return kind()
    except ValidationError as error:
        print("\n".join(wrong_settings(error)), file=sys.stderr)
        raise SystemExit(EXIT_WRONG_SETTINGS) from None


def wrong_settings(error: ValidationError) -> list[str]:
    """Return a line for each setting that is missing or wrong; no value is in it, nor a password.

    pydantic's own text shows all input, and this is written to logs.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [": ".join([*map(_variable, each["loc"][:1]), each["msg"]]) for each in found]


def _variable(name: int | str) -> str:
    """Return the environment variable of a setting: its own name, or one that has no prefix."""
    return str(name) if str(name).isupper() else PREFIX + str(name).upper()


class ServiceSettings(BaseSettings):
    """Where a service listens, who its peers are and how it proves itself to them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    tz: str = "Asia/Makassar"
    identity_url: str = "http://127.0.0.1:8101"
    catalog_url: str = "http://127.0.0.1:8102"
    wallet_ledger_url: str = "http://127.0.0.1:8103"
    settlement_url: str = "http://127.0.0.1:8104"
    service_name: str = ""
    service_secret_file: Path | None = None
    advertise_url: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError) as error:
            raise ValueError("no zone of the time zone database") from error
        return name

    @field_validator("identity_url", "catalog_url", "wallet_ledger_url", "settlement_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @property
    def address(self) -> str:
        """Return where other processes reach this one."""
        host = socket.gethostname() if self.host in EVERYWHERE else self.host
        return self.advertise_url or f"http://{host}:{self.port}"

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone in which days begin."""
        return ZoneInfo(self.tz)

    def service_secret(self) -> str:
        """Return the secret that identity knows this service by. Raises OSError, ValueError."""
        if self.service_secret_file is None:
            raise ValueError("KEMBALIAN_SERVICE_SECRET_FILE is not set")
        return self.service_secret_file.read_text(encoding="utf-8").strip()

    def cursor_key(self) -> bytes:
        """Return the key that signs cursors: the same in every process of the service."""
        if self.service_secret_file is None:
            return secrets.token_bytes(32)
        return hmac.digest(self.service_secret().encode(), b"cursor", hashlib.sha256)
