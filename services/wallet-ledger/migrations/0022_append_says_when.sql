-- log.append_groups says when each of its groups was recorded, in the order of p_partitions: the relay
-- of the writer's own process then needs not read back what was just written. Nothing else changes
-- (0021).
DROP FUNCTION log.append_groups;
DROP FUNCTION log.append_together;

CREATE FUNCTION log.append_together(
    p_partitions smallint[], p_epochs bigint[], p_firsts bigint[], p_counts bigint[],
    p_roots bytea[],
    p_callers text[], p_keys text[], p_fingerprints bytea[], p_statuses smallint[],
    p_answers bytea[],
    p_streams text[], p_versions bigint[], p_types text[], p_event_ids uuid[], p_bodies bytea[]
) RETURNS timestamptz[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    v_part record;
    v_before bigint := 0;
    v_befores bigint[] := '{}';
    v_times timestamptz[] := '{}';
    v_links bytea[] := '{}';
    v_time timestamptz;
BEGIN
    INSERT INTO log.outcome (caller, key, fingerprint, status, answer)
    SELECT o.caller, o.key, o.fingerprint, o.status, o.answer
    FROM unnest(p_callers, p_keys, p_fingerprints, p_statuses, p_answers)
        AS o (caller, key, fingerprint, status, answer)
    ORDER BY o.caller, o.key;

    -- The rows come, locked, in the order of p_partitions, which must be ascending.
    FOR v_part IN
        SELECT c.partition, c.position, c.epoch, c.recorded_at, c.link,
            p.epoch AS writer, p.first, p.count, p.root
        FROM unnest(p_partitions, p_epochs, p_firsts, p_counts, p_roots)
            AS p (partition, epoch, first, count, root)
        JOIN log.counter c ON c.partition = p.partition
        ORDER BY c.partition FOR UPDATE OF c
    LOOP
        IF v_part.epoch <> v_part.writer THEN
            RAISE EXCEPTION 'fenced: epoch % of partition % is not %',
                v_part.writer, v_part.partition, v_part.epoch USING ERRCODE = 'KB001';
        END IF;
        IF v_part.first <> v_part.position + 1 THEN
            RAISE EXCEPTION 'partition % is at %, the writer expected %',
                v_part.partition, v_part.position + 1, v_part.first USING ERRCODE = 'KB002';
        END IF;
        v_time := greatest(clock_timestamp(), v_part.recorded_at);
        v_befores := v_befores || v_before;
        v_before := v_before + v_part.count;
        v_times := v_times || v_time;
        v_links := v_links || sha256(
            v_part.link || int8send(v_part.first) || int8send(v_part.count)
            || int8send((extract(epoch FROM v_time) * 1000000)::bigint) || v_part.root
        );
    END LOOP;
    IF cardinality(v_times) <> cardinality(p_partitions) OR v_before <> cardinality(p_bodies) THEN
        RAISE EXCEPTION 'partitions, counts and events do not fit together' USING ERRCODE = 'KB004';
    END IF;

    INSERT INTO log.link (partition, first_position, count, recorded_at, root, link)
    SELECT p.partition, p.first, p.count, p.recorded_at, p.root, p.link
    FROM unnest(p_partitions, p_firsts, p_counts, v_times, p_roots, v_links)
        AS p (partition, first, count, recorded_at, root, link)
    WHERE p.count > 0;

    UPDATE log.counter c
    SET position = c.position + p.count, recorded_at = p.recorded_at, link = p.link
    FROM unnest(p_partitions, p_counts, v_times, v_links)
        AS p (partition, count, recorded_at, link)
    WHERE c.partition = p.partition AND p.count > 0;

    INSERT INTO log.event
        (partition, position, stream, version, type, event_id, recorded_at, body)
    SELECT p.partition, p.first - 1 + e.n - p.before, e.stream, e.version, e.type, e.event_id,
        p.recorded_at, e.body
    FROM unnest(p_streams, p_versions, p_types, p_event_ids, p_bodies)
        WITH ORDINALITY AS e (stream, version, type, event_id, body, n)
    JOIN unnest(p_partitions, p_firsts, p_counts, v_befores, v_times)
        AS p (partition, first, count, before, recorded_at)
        ON e.n > p.before AND e.n <= p.before + p.count;
    RETURN v_times;
END
$$;

CREATE FUNCTION log.append_groups(
    p_partitions smallint[], p_epochs bigint[], p_firsts bigint[], p_counts bigint[],
    p_roots bytea[],
    p_callers text[], p_keys text[], p_fingerprints bytea[], p_statuses smallint[],
    p_answers bytea[],
    p_streams text[], p_versions bigint[], p_types text[], p_event_ids uuid[], p_bodies bytea[],
    p_homes smallint[], p_wallets text[], p_issuers text[], p_balances bigint[]
) RETURNS timestamptz[] LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO view.bucket AS b (partition, wallet_id, issuer, balance)
    SELECT n.home, n.wallet_id, n.issuer, n.balance
    FROM unnest(p_homes, p_wallets, p_issuers, p_balances) AS n (home, wallet_id, issuer, balance)
    ORDER BY n.home, n.wallet_id, n.issuer
    ON CONFLICT (partition, wallet_id, issuer) DO UPDATE SET balance = excluded.balance;

    RETURN log.append_together(
        p_partitions, p_epochs, p_firsts, p_counts, p_roots,
        p_callers, p_keys, p_fingerprints, p_statuses, p_answers,
        p_streams, p_versions, p_types, p_event_ids, p_bodies
    );
END
$$;
REVOKE EXECUTE ON FUNCTION log.append_together, log.append_groups FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_together, log.append_groups TO wallet_ledger_app;
