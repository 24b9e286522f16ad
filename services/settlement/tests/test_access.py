"""Who may read what, and how a query that names nothing, or nothing of one's own, is refused."""

import pytest

from settlement.testing.ledger import RANI, SUSILA, Ledger
from settlement.testing.service import Peers, Refusal, Service, refusal

DAY = {"from": "2026-11-22", "to": "2026-11-22"}
STORE_DAY = {"store_id": "kantin", **DAY}
MEMBER_DAY = {"member_id": SUSILA, **DAY}
NOBODY = "0197b0c0-0000-7000-8000-00000000ffff"
POSITIONS = "/api/v1/settlement/positions"
MEMBER = "/api/v1/reports/member-transactions"
RECEIVABLES = "/api/v1/reports/receivables"
LIABILITIES = "/api/v1/reports/liabilities"
KANTIN = "/api/v1/stores/kantin/transactions"
FUTURE = "2999-01-01T00:00:00Z"

ALL_DATA = {"admin", "finance", "auditor"}
OTHERS = {"cashier", "operator", "member", "bank", "channel", "service"}
GONE = Refusal(404, "not-found", [])
NO_LOGIN = Refusal(401, "unauthenticated", [])
UNAVAILABLE = Refusal(503, "unavailable", [])


@pytest.mark.parametrize(
    ("path", "query", "roles"),
    [
        (POSITIONS, {}, ALL_DATA),
        (MEMBER, MEMBER_DAY, ALL_DATA | {"member"}),
        (RECEIVABLES, STORE_DAY, ALL_DATA | {"cashier", "operator"}),
        (LIABILITIES, STORE_DAY, ALL_DATA | {"cashier", "operator"}),
        (KANTIN, {}, ALL_DATA | {"cashier", "operator"}),
    ],
)
async def test_who_may(
    service: Service, filled: Ledger, path: str, query: dict[str, str], roles: set[str]
) -> None:
    assert filled.events
    for role in ALL_DATA | OTHERS:
        answer = await service.ask(path, query, role, store_id="kantin", member_id=SUSILA)
        assert answer.status_code == (200 if role in roles else 403), role
    assert await service.refused(path, query, "guest") == NO_LOGIN
    assert refusal(await service.client.get(path, params=query)) == NO_LOGIN


async def test_what_is_foreign_does_not_exist(service: Service, filled: Ledger) -> None:
    assert filled.events
    for role in ("cashier", "operator"):
        assert await service.refused(RECEIVABLES, STORE_DAY, role, store_id="koperasi") == GONE
        assert await service.refused(LIABILITIES, STORE_DAY, role, store_id="koperasi") == GONE
        assert await service.refused(KANTIN, {}, role, store_id="koperasi") == GONE
        assert await service.refused(KANTIN, {}, role) == GONE
    assert await service.refused(MEMBER, MEMBER_DAY, "member", member_id=RANI) == GONE
    assert await service.refused(MEMBER, MEMBER_DAY, "member") == GONE


async def test_a_member_without_entries_reads_an_empty_statement(
    service: Service, peers: Peers
) -> None:
    peers.down = True  # whose token it is exists: nobody needs to be asked

    for member_id in (RANI, "me"):
        query = {"member_id": member_id, **DAY}
        answer = await service.ask(MEMBER, query, "member", member_id=RANI)
        assert answer.json()["rows"] == []


async def test_what_is_not_known_here_is_asked_of_its_owner(service: Service, peers: Peers) -> None:
    peers.known = {"baru", RANI}

    assert (await service.get("/api/v1/stores/baru/transactions"))["items"] == []
    assert (await service.get(RECEIVABLES, store_id="baru", **DAY))["total"] == 0
    assert (await service.get(MEMBER, member_id=RANI, **DAY))["closing"] == 0
    assert peers.asked[0] == "/api/v1/stores/baru"
    assert peers.asked[-1] == f"/internal/members/{RANI}"


async def test_what_nobody_knows_is_not_found_and_what_nobody_can_say_unavailable(
    service: Service, peers: Peers
) -> None:
    store, member = {**DAY, "store_id": "none"}, {**DAY, "member_id": NOBODY}
    questions: list[tuple[str, dict[str, str]]] = [
        ("/api/v1/stores/none/transactions", {}),
        (RECEIVABLES, store),
        (LIABILITIES, store),
        (MEMBER, member),
    ]

    for path, query in questions:
        assert await service.refused(path, query) == GONE
    peers.down = True
    for path, query in questions:
        assert await service.refused(path, query) == UNAVAILABLE


async def test_the_platform_has_reports_like_a_store(service: Service) -> None:
    assert (await service.get(LIABILITIES, store_id="platform", **DAY))["total"] == 0


MALFORMED: list[tuple[str, dict[str, str], list[str]]] = [
    (MEMBER, {"member_id": SUSILA}, ["from", "to"]),
    (MEMBER, DAY, ["member_id"]),
    (MEMBER, {**DAY, "member_id": "susila"}, ["member_id"]),
    (MEMBER, {**DAY, "member_id": "me"}, ["member_id"]),
    (MEMBER, {**DAY, "member_id": f"{SUSILA}\n"}, ["member_id"]),
    (RECEIVABLES, DAY, ["store_id"]),
    (RECEIVABLES, {**STORE_DAY, "store_id": "../etc"}, ["store_id"]),
    (RECEIVABLES, {**STORE_DAY, "store_id": ""}, ["store_id"]),
    (RECEIVABLES, {**STORE_DAY, "from": "2026-11-23"}, ["from"]),
    (RECEIVABLES, {**STORE_DAY, "to": "22.11.2026"}, ["to"]),
    (RECEIVABLES, {**STORE_DAY, "format": "xlsx"}, ["format"]),
    (LIABILITIES, {**STORE_DAY, "format": ""}, ["format"]),
    (LIABILITIES, {**STORE_DAY, "position": "0-1_1-1"}, ["position"]),
    (POSITIONS, {"as_of": FUTURE}, ["as_of"]),
    (POSITIONS, {"as_of": "yesterday"}, ["as_of"]),
    (POSITIONS, {"at_least": "x"}, ["at_least"]),
    (POSITIONS, {"at_least": ""}, ["at_least"]),
    (POSITIONS, {"at_least": "8-1"}, ["at_least"]),
    (POSITIONS, {"position": "0-1"}, ["position"]),
    (POSITIONS, {"position": "0-1", "as_of": "2026-11-22T00:00:00Z"}, ["position"]),
    (KANTIN, {"limit": "0"}, ["limit"]),
    (KANTIN, {"limit": "201"}, ["limit"]),
    (KANTIN, {"cursor": "W10.forged"}, ["cursor"]),
    (KANTIN, {"from": "2026-02-30"}, ["from"]),
    ("/api/v1/stores/KANTIN/transactions", {}, ["store_id"]),
]


async def test_a_malformed_query_names_its_field(service: Service, filled: Ledger) -> None:
    assert filled.events
    for path, query, fields in MALFORMED:
        refused = await service.refused(path, query)
        assert refused == Refusal(422, "invalid-request", fields), (path, query)


async def test_a_repeated_query_parameter_names_its_field(service: Service) -> None:
    answer = await service.ask(f"{POSITIONS}?at_least=0-0&at_least=0-1")

    assert refusal(answer) == Refusal(422, "invalid-request", ["at_least"])
