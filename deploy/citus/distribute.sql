-- Distributes the ledger by partition over the workers of a Citus coordinator. See README.md.
--
-- Once, as a superuser, in a migrated wallet_ledger database on the coordinator, while no
-- wallet-ledger runs; all of it or nothing is done:
--     psql -v ON_ERROR_STOP=1 -1 -f distribute.sql <dsn>

SET LOCAL client_min_messages = warning;
SET LOCAL citus.shard_replication_factor = 1;
-- Our triggers only refuse, so they may live on the shards; Citus makes them there whenever it
-- makes or moves a shard.
SET LOCAL citus.enable_unsafe_triggers = on;

-- 1. Keys. On one node the primary key (caller, key) holds over all partitions. Here a unique key
-- must contain what its table is distributed by: an outcome lies with its partition, and
-- log.claim, distributed by key, says for ever which command a key belongs to. It is written before
-- the append, by a commit of its own (wallet_ledger/claims.py).
CREATE TABLE log.claim (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    partition smallint NOT NULL,
    PRIMARY KEY (key, caller)
);
ALTER TABLE log.claim OWNER TO wallet_ledger_owner;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.claim
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
GRANT SELECT, INSERT ON log.claim TO wallet_ledger_app;
INSERT INTO log.claim SELECT caller, key, fingerprint, 0 FROM log.outcome;
-- Outcomes from before are all kept in partition 0: their claims say so, and a repeat finds them.
ALTER TABLE log.outcome ADD COLUMN partition smallint NOT NULL DEFAULT 0;
ALTER TABLE log.outcome ALTER COLUMN partition DROP DEFAULT;
ALTER TABLE log.outcome DROP CONSTRAINT outcome_pkey;
ALTER TABLE log.outcome ADD CONSTRAINT outcome_pkey PRIMARY KEY (partition, caller, key);

-- The append as the migrations left it, with the partition in its outcomes.
DO $$
DECLARE
    v_before text := pg_get_functiondef('log.append'::regproc);
    v_after text := replace(replace(v_before,
        'INSERT INTO log.outcome (caller,', 'INSERT INTO log.outcome (partition, caller,'),
        'SELECT o.caller,', 'SELECT p_partition, o.caller,');
BEGIN
    IF length(v_after) <> length(v_before) + length('partition, p_partition, ') THEN
        RAISE EXCEPTION 'log.append does not write outcomes in the way that is known here';
    END IF;
    EXECUTE v_after;
END
$$;

-- 2. Tables. What belongs to a partition lies together on one worker. Leases, cards, stores and the
-- places of consumers stay on the coordinator.
SELECT create_distributed_table('log.counter', 'partition', shard_count := 16);
CREATE TEMPORARY TABLE by_partition ON COMMIT DROP AS
SELECT c.oid::regclass::text AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'partition'
WHERE n.nspname IN ('log', 'view') AND c.relkind = 'r'
    -- the partitions of Kafka's topics, and what is distributed otherwise
    AND c.oid <> ALL (ARRAY['log.dead_letter', 'view.place', 'log.claim']::regclass[]);
SELECT create_distributed_table(name, 'partition', colocate_with := 'log.counter')
FROM by_partition WHERE name <> 'log.counter' ORDER BY name;
SELECT create_distributed_table('log.claim', 'key', shard_count := 8, colocate_with := 'none');

-- What was in the tables is on the shards now; their own triggers are not asked for this once.
SET LOCAL session_replication_role = replica;
SELECT truncate_local_data_after_distributing_table(name::regclass) FROM by_partition ORDER BY name;
SELECT truncate_local_data_after_distributing_table('log.claim');
SET LOCAL session_replication_role = origin;

-- 3. Functions. A call goes whole to the worker that holds the partition and commits there alone;
-- forced, because an atomic batch calls several in one transaction.
SELECT create_distributed_function(
    p.oid::regprocedure, 'p_partition', colocate_with := 'log.counter', force_delegation := true
)
FROM pg_proc p
WHERE p.oid IN ('log.append'::regproc, 'log.append_group'::regproc);

-- Where a partition was at p_time by the clock of the worker that holds it: what comes later there
-- has a later time, whatever the clocks of others say.
CREATE FUNCTION log.place_of(p_partition smallint, p_time timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    v_counter log.counter;
    v_position bigint;
BEGIN
    SELECT * INTO STRICT v_counter FROM log.counter c WHERE c.partition = p_partition FOR SHARE;
    IF p_time >= clock_timestamp() THEN
        RAISE EXCEPTION 'a moment that has not come yet' USING ERRCODE = 'KB003';
    END IF;
    IF p_time IS NULL OR v_counter.recorded_at <= p_time THEN
        RETURN v_counter.position;
    END IF;
    SELECT l.first_position + l.count - 1 INTO v_position
    FROM log.link l
    WHERE l.partition = p_partition AND l.recorded_at <= p_time
    ORDER BY l.recorded_at DESC, l.first_position DESC LIMIT 1;
    RETURN coalesce(v_position, 0);
END
$$;
ALTER FUNCTION log.place_of OWNER TO wallet_ledger_owner;
SELECT create_distributed_function(
    'log.place_of(smallint, timestamptz)', 'p_partition', colocate_with := 'log.counter',
    force_delegation := true
);

-- As in the migrations; FOR SHARE of rows on several workers is more than Citus does at once.
CREATE OR REPLACE FUNCTION log.place_at(p_time timestamptz)
RETURNS TABLE (partition smallint, "position" bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    FOR partition IN
        SELECT c.partition FROM log.counter c WHERE c.partition < 1000 ORDER BY c.partition
    LOOP
        position := log.place_of(partition, p_time);
        RETURN NEXT;
    END LOOP;
END
$$;

-- 4. Balance. A shard weighs as much as the partitions in it; spread.sql moves them by that.
CREATE FUNCTION log.partitions_of_shard(p_shard bigint) RETURNS real
LANGUAGE plpgsql STABLE SET search_path = log, pg_catalog AS $$
DECLARE
    v_partitions smallint[] := ARRAY(SELECT c.partition FROM log.counter c);
BEGIN
    RETURN (
        SELECT count(*) FROM unnest(v_partitions) AS p (n)
        WHERE get_shard_id_for_distribution_column('log.counter', p.n) = p_shard
    );
END
$$;
SELECT citus_add_rebalance_strategy(
    'kembalian_by_partition', 'log.partitions_of_shard', 'citus_node_capacity_1',
    'citus_shard_allowed_on_node_true', 0.1
);

-- 5. Rights. Citus made the functions on the workers with PostgreSQL's own: for everybody.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append, log.append_group, log.place_of TO wallet_ledger_app;

-- 6. Speed. Citus hides shards by a filter on every look at pg_class; the types that asyncpg looks
-- up once per connection took 3.6 s instead of 0.04 s.
DO $$
BEGIN
    EXECUTE format(
        'ALTER ROLE wallet_ledger_app IN DATABASE %I SET citus.override_table_visibility = off',
        current_database()
    );
END
$$;
