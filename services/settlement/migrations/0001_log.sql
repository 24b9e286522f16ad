-- made by: python -m events.migrate settlement_app 1
-- The event log of one service: facts that nobody can change, and what guards them.
--
-- One function appends (log.append). No application role may INSERT, UPDATE, DELETE or TRUNCATE
-- what is written here; a trigger refuses the last three to the owner too.
-- Every key of the ledger's tables contains `partition`; only the keys of commands hold over all.

CREATE SCHEMA log;
CREATE SCHEMA view;
CREATE SCHEMA private;

-- How far each partition is, and who may write it. The row lock of a partition orders its commits,
-- so positions are 1, 2, 3 ... in commit order: a reader that goes by number misses nothing.
CREATE TABLE log.counter (
    partition smallint PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    recorded_at timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
    link bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(link) = 32),
    epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0)
);
INSERT INTO log.counter (partition) SELECT generate_series(0, 1 - 1);

CREATE TABLE log.event (
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    stream text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    type text NOT NULL,
    event_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    body bytea NOT NULL, -- the exact bytes that are published: never jsonb
    PRIMARY KEY (partition, position),
    UNIQUE (partition, stream, version)
);
CREATE INDEX event_by_id ON log.event (event_id);

-- One link per append: H(previous link, first position, count, recorded_at, Merkle root of bodies).
CREATE TABLE log.link (
    partition smallint NOT NULL,
    first_position bigint NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    recorded_at timestamptz NOT NULL,
    root bytea NOT NULL CHECK (length(root) = 32),
    link bytea NOT NULL CHECK (length(link) = 32),
    PRIMARY KEY (partition, first_position)
);
CREATE INDEX link_by_time ON log.link (partition, recorded_at);

-- The first answer to every command, for ever: successes and business refusals.
CREATE TABLE log.outcome (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    answer bytea NOT NULL,
    PRIMARY KEY (caller, key)
);

-- Who does what now, by the database's clock: writers, relays, consumers.
CREATE TABLE log.lease (
    name text PRIMARY KEY,
    epoch bigint NOT NULL,
    owner text NOT NULL,
    address text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Messages that could not be handled (dead), what waits behind them in the same stream (parked),
-- and what an operator decided to leave out for ever (discarded).
CREATE TABLE log.dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition smallint NOT NULL,
    position bigint, -- NULL: a message without a readable position
    kafka_offset bigint NOT NULL,
    recorded_at timestamptz,
    stream text NOT NULL,
    state text NOT NULL CHECK (state IN ('dead', 'parked', 'discarded')),
    reason text NOT NULL,
    body bytea NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (topic, partition, position)
);

-- How far each topic partition was handled; committed with the effects. A rebuild sets `position`
-- to 0 and `rebuild_until` to where it was: until then a reader must not trust the view.
CREATE TABLE view.place (
    topic text NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    kafka_offset bigint NOT NULL DEFAULT 0,
    rebuild_until bigint NOT NULL DEFAULT 0,
    stopped text, -- why nothing more is taken from this partition, NULL while all is well
    PRIMARY KEY (topic, partition)
);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'KB009';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.link
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.outcome
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- Append to one partition: outcomes first (sorted, so that two writers cannot deadlock), then the
-- counter's lock, then one look at the clock, then link, counter and events.
-- p_epoch: the writer's epoch, NULL where no lease guards the log. p_first: the position that the
-- writer expects for its first event, NULL = any.
-- Raises KB001 (an older epoch: fenced), KB002 (another first position), 23505 (a key or a stream
-- version that is there already).
CREATE FUNCTION log.append(
    p_partition smallint, p_epoch bigint, p_first bigint,
    p_callers text[], p_keys text[], p_fingerprints bytea[], p_statuses smallint[],
    p_answers bytea[],
    p_streams text[], p_versions bigint[], p_types text[], p_event_ids uuid[], p_bodies bytea[],
    p_root bytea,
    OUT first_position bigint, OUT recorded_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    v_counter log.counter;
    v_count bigint := cardinality(p_bodies);
    v_link bytea;
BEGIN
    INSERT INTO log.outcome (caller, key, fingerprint, status, answer)
    SELECT o.caller, o.key, o.fingerprint, o.status, o.answer
    FROM unnest(p_callers, p_keys, p_fingerprints, p_statuses, p_answers)
        AS o (caller, key, fingerprint, status, answer)
    ORDER BY o.caller, o.key;

    SELECT * INTO STRICT v_counter FROM log.counter c
    WHERE c.partition = p_partition FOR UPDATE;
    IF v_counter.epoch <> coalesce(p_epoch, 0) THEN
        RAISE EXCEPTION 'fenced: epoch % of partition % is not %',
            p_epoch, p_partition, v_counter.epoch USING ERRCODE = 'KB001';
    END IF;
    first_position := v_counter.position + 1;
    IF p_first IS NOT NULL AND p_first <> first_position THEN
        RAISE EXCEPTION 'partition % is at %, the writer expected %',
            p_partition, first_position, p_first USING ERRCODE = 'KB002';
    END IF;
    recorded_at := greatest(clock_timestamp(), v_counter.recorded_at);
    IF v_count = 0 THEN
        RETURN;
    END IF;

    v_link := sha256(
        v_counter.link || int8send(first_position) || int8send(v_count)
        || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint) || p_root
    );
    INSERT INTO log.link (partition, first_position, count, recorded_at, root, link)
    VALUES (p_partition, first_position, v_count, recorded_at, p_root, v_link);
    UPDATE log.counter c
    SET position = v_counter.position + v_count, recorded_at = append.recorded_at, link = v_link
    WHERE c.partition = p_partition;
    INSERT INTO log.event
        (partition, position, stream, version, type, event_id, recorded_at, body)
    SELECT p_partition, first_position - 1 + e.n, e.stream, e.version, e.type, e.event_id,
        append.recorded_at, e.body
    FROM unnest(p_streams, p_versions, p_types, p_event_ids, p_bodies)
        WITH ORDINALITY AS e (stream, version, type, event_id, body, n);
END
$$;

-- Take the lease `p_name` if it is free or has run out. Returns its new epoch, else NULL.
CREATE FUNCTION log.take_lease(p_name text, p_owner text, p_address text, p_seconds double precision)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    INSERT INTO log.lease AS l (name, epoch, owner, address, expires_at)
    VALUES (p_name, 1, p_owner, p_address,
            clock_timestamp() + make_interval(secs => p_seconds))
    ON CONFLICT (name) DO UPDATE
    SET epoch = l.epoch + 1, owner = p_owner, address = p_address,
        expires_at = clock_timestamp() + make_interval(secs => p_seconds)
    WHERE l.expires_at < clock_timestamp() OR l.owner = p_owner
    RETURNING epoch
$$;

-- Prolong what `p_owner` still holds; returns the names. A lease that ran out but that nobody took
-- is still its owner's: the epoch did not change.
CREATE FUNCTION log.renew_leases(p_names text[], p_owner text, p_seconds double precision)
RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    UPDATE log.lease SET expires_at = clock_timestamp() + make_interval(secs => p_seconds)
    WHERE name = ANY (p_names) AND owner = p_owner
    RETURNING name
$$;

-- Give up what `p_owner` holds, so that the next one need not wait.
CREATE FUNCTION log.release_leases(p_owner text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    UPDATE log.lease SET expires_at = '-infinity' WHERE owner = p_owner
$$;

-- Become the writer of a partition whose lease the caller has just taken: raises the epoch, which
-- waits for an append in flight and makes every later one of the old writer fail.
-- Returns the new epoch and the last position.
CREATE FUNCTION log.raise_epoch(p_partition smallint, OUT epoch bigint, OUT "position" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    UPDATE log.counter c SET epoch = c.epoch + 1 WHERE c.partition = p_partition
    RETURNING c.epoch, c.position
$$;

-- The position of every partition at the moment p_time (inclusive); NULL = now. The counter rows are
-- share-locked, so an append in flight is waited for and the same past gives the same answer.
-- Raises KB003 for a moment that has not come yet.
CREATE FUNCTION log.place_at(p_time timestamptz)
RETURNS TABLE (partition smallint, "position" bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    v_counter log.counter;
BEGIN
    FOR v_counter IN SELECT * FROM log.counter c ORDER BY c.partition FOR SHARE LOOP
        -- >=, for an append in this very microsecond may still come
        IF p_time >= clock_timestamp() THEN
            RAISE EXCEPTION 'a moment that has not come yet' USING ERRCODE = 'KB003';
        END IF;
        partition := v_counter.partition;
        position := v_counter.position;
        IF v_counter.recorded_at > p_time THEN
            SELECT l.first_position + l.count - 1 INTO position
            FROM log.link l
            WHERE l.partition = v_counter.partition AND l.recorded_at <= p_time
            ORDER BY l.recorded_at DESC, l.first_position DESC LIMIT 1;
            position := coalesce(position, 0);
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA log, view, private TO settlement_app;
GRANT SELECT ON log.counter, log.event, log.link, log.outcome, log.lease TO settlement_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON log.dead_letter, view.place TO settlement_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA log TO settlement_app;
