"""The pure parts of the bench: what is drawn, sent, counted and shown."""

import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice

import pytest

from kembalian.bench import cpu, driving, figures, plan, rows, wire
from kembalian.bench.command import FULL, USUAL
from kembalian.bench.driving import LoadFailed
from kembalian.bench.measures import audits, flow
from kembalian.bench.measures.flow import Sightings, delays
from kembalian.bench.spec import Hot, Load


def test_percentiles_are_values_that_were_measured() -> None:
    ordered = [float(n) for n in range(1, 1001)]

    assert [figures.percentile(ordered, share) for share in (0.5, 0.99, 0.999, 1.0)] == [
        500.0, 990.0, 999.0, 1000.0,
    ]  # fmt: skip
    assert figures.percentile([7.0], 0.5) == 7.0


def test_latencies_are_milliseconds() -> None:
    assert figures.latencies_ms([0.003, 0.001, 0.002]) == {
        "p50": 2.0, "p99": 3.0, "p99.9": 3.0, "max": 3.0,
    }  # fmt: skip
    assert figures.latencies_ms([]) == {}


def test_ratios_are_taken_of_rounds_that_ran_side_by_side() -> None:
    assert figures.ratio_of_rounds([10, 40, 30], [20, 40, 20]) == figures.Spread(1.0, 0.5, 1.5)


def test_zipf_draws_the_first_twice_as_often_as_the_second() -> None:
    drawing = plan.Zipf(1000, 1.0)

    drawn = Counter(drawing.draw(n / 100_000) for n in range(100_000))

    assert drawn[0] == pytest.approx(2 * drawn[1], rel=0.01)
    assert drawn[0] == pytest.approx(100 * drawn[99], rel=0.05)
    assert max(drawn) == 999


def test_an_exponent_of_zero_draws_evenly() -> None:
    drawing = plan.Zipf(4, 0.0)

    assert [drawing.draw(share) for share in (0.0, 0.2, 0.26, 0.6, 0.99)] == [0, 0, 1, 2, 3]


def drawn(hot: Hot = "", seed: str = "s") -> list[plan.Visit]:
    made = plan.visits(seed=seed, wallets=100, stores=5, exponent=0.99, hot=hot)
    return list(islice(made, 2000))


def test_the_same_seed_draws_the_same_visits() -> None:
    assert drawn() == drawn()
    assert drawn() != drawn(seed="other")


def test_hot_visits_all_go_to_one_wallet_or_store() -> None:
    assert {visit.wallet for visit in drawn("wallet")} == {0}
    assert {visit.store for visit in drawn("store")} == {0}
    assert {visit.store for visit in drawn()} == set(range(5))


def test_an_open_loop_s_schedule_does_not_drift() -> None:
    assert [plan.due_at(n, 4.0) for n in (0, 1, 8, 4_000_000)] == [0.0, 0.25, 2.0, 1_000_000.0]


def test_requests_say_their_length_and_never_repeat_a_key() -> None:
    made = wire.single_requests(["t1", "t2", "t3", "t4", "t5"], iter(drawn()), key="k", path="/p")
    keys: set[bytes] = set()
    for request in made:
        head, _, body = request.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert int(fields[b"Content-Length"]) == len(body)
        assert json.loads(body)["card_number"].isdigit()
        keys.add(fields[b"Idempotency-Key"])

    assert len(keys) == 2000


def test_a_batch_has_as_many_entries_as_it_is_told() -> None:
    made = wire.batch_requests("t", ["a", "b", "c", "d", "e"], iter(drawn()), key="k", size=7)

    head, _, body = next(made).partition(b"\r\n\r\n")
    entries = json.loads(body)["entries"]

    assert f"Content-Length: {len(body)}".encode() in head
    assert len({entry["key"] for entry in entries}) == 7
    assert {entry["type"] for entry in entries} <= {"change", "redemption", "topup"}


def test_an_answer_is_measured_as_soon_as_its_head_is_there() -> None:
    answer = b'HTTP/1.1 201 Created\r\nContent-Length: 27\r\n\r\n{"ledger_position":"3-1234"}'

    assert wire.answer_size(answer[:30]) == 0
    assert wire.answer_size(answer) == len(answer) - 1
    assert wire.status_of(answer) == 201
    assert wire.place_of(answer) == "3-1234"
    assert wire.place_of(b"HTTP/1.1 404 Not Found\r\n\r\n") == ""


def test_cpu_counts_reaped_children_too() -> None:
    fields = ["S", "77", *("0" for _ in range(9)), "10", "5", "3", "2", "20"]
    stat = f"1 (a name) with) {' '.join(fields)}"

    assert (cpu.ticks(stat), cpu.parent(stat)) == (20, 77)


def test_freshness_counts_from_the_acknowledgement_to_the_first_sighting() -> None:
    seen = Sightings()
    for at, position in [(1.0, 5), (2.0, 5), (3.0, 9)]:
        seen.see(at, 0, position)

    assert delays([(0.5, "0-5"), (2.5, "0-6"), (3.5, "0-9"), (4.0, "0-10")], seen) == (
        [0.5, 0.5, 0.0], 1,
    )  # fmt: skip


def test_a_row_compares_its_ratio_where_it_has_one_and_its_value_else() -> None:
    ratio = rows.Row("m", 900, "/s", "other", 1000, 0.9, 0.8, 1.0, target=0.8)
    value = rows.Row("m", 600, "ms", target=500, sense="at most", cpu_us={"broker": 12.3})

    assert (ratio.reached, value.reached, rows.Row("m", 1, "s").reached) == (True, False, None)
    assert rows.cells(ratio) == [
        "m", "900 /s", "other 1,000", "0.90 (0.80-1.00)", "0.8", "yes", "",
    ]  # fmt: skip
    assert rows.cells(value)[4:] == ["<= 500", "MISSED", "broker 12"]


def test_a_row_with_a_ratio_may_be_judged_by_its_value() -> None:
    row = audits.audited("verify", 1_200_000, 30.0, 400_000, FULL)

    assert (row.value, row.ratio, row.reached) == (40_000, 0.1, False)
    assert rows.cells(row) == [
        "verify", "40,000 events/s", "COPY out 400,000", "0.10", "50000", "MISSED",
        "1,200,000 events of all logs in 30.0 s",
    ]  # fmt: skip
    assert "all logs" not in audits.audited("replay settlement", 1, 1.0, 1.0, FULL).note


def test_what_is_asked_of_a_large_town_is_not_asked_of_a_small_one() -> None:
    row = audits.audited("verify", 1_000, 1.0, 400_000, USUAL)

    assert (row.target, row.reached) == (None, None)
    assert (FULL.target_at_full_size(300), USUAL.target_at_full_size(300)) == (300, None)


@pytest.mark.parametrize("visible", [{}, {"p50": 3.0, "p99": 9.0, "p99.9": 12.0, "max": 12.0}])
def test_an_event_that_settlement_never_shows_leaves_no_percentile_and_a_missed_target(
    visible: dict[str, float],
) -> None:
    row = flow.seen_by_settlement(visible, 2, 1_500)

    assert (row.value, row.reached) == (None, False)
    assert row.note.endswith("at 1,500/s; 2 not seen after 5 s")
    assert rows.cells(row)[1] == "none"
    assert json.dumps(rows.document([row], {}), allow_nan=False)


def test_freshness_is_judged_by_its_p99() -> None:
    row = flow.seen_by_settlement({"p50": 3.0, "p99": 9.0, "p99.9": 12.0, "max": 12.0}, 0, 1_500)

    assert (row.value, row.reached) == (9.0, True)
    assert row.note == "p50 3.0, p99.9 12.0 ms at 1,500/s"


@pytest.mark.parametrize(
    ("answers", "waiting", "kept_up"),
    [(10_000, 0, True), (9_600, 100, True), (9_400, 0, False), (9_900, 101, False)],
)
def test_an_open_loop_that_fell_behind_is_no_measurement(
    answers: int, waiting: int, kept_up: bool
) -> None:
    load = Load("h", 1, ["t"], ["s"], "k", 10, rate=1_000)
    result = {
        "seconds": 10.0, "answers": answers, "statuses": {"201": answers}, "failed": "",
        "strange": "", "accepted": 0, "waiting": waiting,
    }  # fmt: skip

    with nullcontext() if kept_up else pytest.raises(LoadFailed, match="1,000/s were asked for"):
        driving.check(load, result)
    driving.check(replace(load, rate=0.0), result)
