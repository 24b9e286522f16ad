"""deploy/citus/distribute.sql against the schema as the migrations leave it; needs no Citus."""

import psycopg

from kembalian.grounds.databases import Databases
from kembalian.testing.citus import SCRIPTS
from kembalian.testing.databases import MakeDatabase
from wallet_ledger.config import MIGRATIONS

UNIQUE_WITHOUT_PARTITION = """
SELECT i.indexrelid::regclass::text FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'partition'
WHERE n.nspname IN ('log', 'view') AND i.indisunique AND NOT a.attnum = ANY (i.indkey)
    AND c.relname NOT IN ('dead_letter', 'place')
"""
BY_PARTITION = """
SELECT p.proname FROM pg_proc p
WHERE p.pronamespace = 'log'::regnamespace AND p.proargnames[1] = 'p_partition'
"""
ON_THE_COORDINATOR = {"raise_epoch"}  # one UPDATE of one partition: Citus routes it


def ledger(make_database: MakeDatabase) -> Databases:
    return make_database("wallet-ledger", MIGRATIONS)


def test_the_append_is_still_written_as_the_script_expects(make_database: MakeDatabase) -> None:
    with psycopg.connect(ledger(make_database).admin_dsn) as connection:
        row = connection.execute("SELECT pg_get_functiondef('log.append'::regproc)").fetchone()
    assert row is not None
    replaced = ("INSERT INTO log.outcome (caller,", "SELECT o.caller,")

    script = (SCRIPTS / "distribute.sql").read_text()
    assert [(row[0].count(part), script.count(f"'{part}'")) for part in replaced] == [(1, 1)] * 2


def test_every_unique_key_contains_what_its_table_is_distributed_by(
    make_database: MakeDatabase,
) -> None:
    with psycopg.connect(ledger(make_database).admin_dsn) as connection:
        assert connection.execute(UNIQUE_WITHOUT_PARTITION).fetchall() == []


def test_every_function_of_one_partition_is_sent_to_its_worker(make_database: MakeDatabase) -> None:
    script = (SCRIPTS / "distribute.sql").read_text()
    with psycopg.connect(ledger(make_database).admin_dsn) as connection:
        names = {row[0] for row in connection.execute(BY_PARTITION).fetchall()}

    assert "append" in names
    assert {n for n in names if f"'log.{n}'::regproc" not in script} == ON_THE_COORDINATOR
