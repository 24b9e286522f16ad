"""demo.json: who can log in to this home, with which password; whole after every step."""

from dataclasses import dataclass, field
from typing import Any, cast

from kembalian.demo.campus import STORES, Store
from kembalian.launcher.home import Home, read_json, write_private_json
from kembalian.launcher.settings import STAFF

Login = dict[str, str]


@dataclass
class Logins:
    """The logins of one home, kept in its demo.json. What does not exist is absent there."""

    home: Home
    content: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, home: Home) -> "Logins":
        """Return what an earlier run wrote, or nothing."""
        return cls(home, cast("dict[str, Any]", read_json(home.demo_path)))

    def set_staff(self, role: str, login: Login) -> None:
        """Keep the login of the admin, the finance officer, the auditor or the channel."""
        self.content[role] = login
        self._write()

    def add(self, group: str, entry: Login, *, by: str) -> None:
        """Keep an entry of a list; one with the same `by` is replaced."""
        entries = cast("list[Login]", self.content.setdefault(group, []))
        entries[:] = [other for other in entries if other[by] != entry[by]] + [entry]
        self._write()

    def member(self, card_number: str) -> Login | None:
        """Return the login of the member with this card."""
        return self._find("members", "card_number", card_number)

    def cashier(self, store_id: str) -> Login:
        """Return the login of a store's cashier. Raises: LookupError."""
        found = self._find("cashiers", "store_id", store_id)
        if found is None:
            raise LookupError(f"no cashier of {store_id} in {self.home.demo_path}")
        return found

    def add_store(self, store: Store) -> None:
        """Keep a store's id and name."""
        self.add("stores", {"store_id": store.store_id, "name": store.name}, by="store_id")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (who, user name, password) of everybody, staff first."""
        found: list[tuple[str, str, str]] = []
        for role in STAFF:
            if role in self.content:
                login = self.content[role]
                found.append((role, login["username"], login["password"]))
        for group, key in (("operators", "store_id"), ("cashiers", "store_id")):
            found += [
                (f"{group[:-1]} of {login[key]}", login["username"], login["password"])
                for login in self.content.get(group, [])
            ]
        for login in self.content.get("members", []):
            who = f"member, card {login['card_number']}"
            found.append((who, login["username"], login["password"]))
        return found

    def has_campus(self) -> bool:
        """Tell whether every store is there already (they are written down last)."""
        return len(cast("list[Login]", self.content.get("stores", []))) == len(STORES)

    def _find(self, group: str, key: str, value: str) -> Login | None:
        entries = cast("list[Login]", self.content.get(group, []))
        return next((entry for entry in entries if entry[key] == value), None)

    def _write(self) -> None:
        write_private_json(self.home.demo_path, self.content)
