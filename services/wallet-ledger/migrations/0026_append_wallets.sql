-- Whole wallets instead of buckets. p_wallets, p_reached, p_issuers and p_balances are parallel, a
-- wallet each: its id, its version after the group, and its buckets that are not empty, as the text of
-- an array of issuers and of an array of rupiah (PostgreSQL knows no arrays of arrays that differ in
-- length). The order of locks is as it was: wallets, outcomes, counters, each sorted by key.
CREATE FUNCTION log.append_group(
    p_partition smallint, p_epoch bigint, p_first bigint,
    p_callers text[], p_keys text[], p_fingerprints bytea[], p_statuses smallint[],
    p_answers bytea[],
    p_streams text[], p_versions bigint[], p_types text[], p_event_ids uuid[], p_bodies bytea[],
    p_root bytea,
    p_wallets text[], p_reached bigint[], p_issuers text[], p_balances text[],
    p_records jsonb,
    OUT first_position bigint, OUT recorded_at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO view.wallet AS w (partition, wallet_id, version, issuers, balances)
    SELECT p_partition, n.wallet_id, n.version, n.issuers::text[], n.balances::bigint[]
    FROM unnest(p_wallets, p_reached, p_issuers, p_balances)
        AS n (wallet_id, version, issuers, balances)
    ORDER BY n.wallet_id
    ON CONFLICT (partition, wallet_id) DO UPDATE
    SET version = excluded.version, issuers = excluded.issuers, balances = excluded.balances;

    IF p_records IS NOT NULL THEN
        INSERT INTO view.payment AS p
            (partition, wallet_id, payment_id, order_id, state, expires_at, held, paid)
        SELECT p_partition, n.wallet_id, n.payment_id, n.order_id, n.state, n.expires_at, n.held,
            n.paid
        FROM jsonb_to_recordset(p_records -> 'payments') AS n (
            wallet_id text, payment_id text, order_id text, state text, expires_at timestamptz,
            held text, paid text
        )
        ORDER BY n.wallet_id, n.payment_id
        ON CONFLICT (partition, wallet_id, payment_id) DO UPDATE
        SET state = excluded.state, held = excluded.held, paid = excluded.paid;

        INSERT INTO view.reversal AS r
            (partition, wallet_id, reversal_id, event_id, state, requested_by, reason)
        SELECT p_partition, n.wallet_id, n.reversal_id, n.event_id, n.state, n.requested_by,
            n.reason
        FROM jsonb_to_recordset(p_records -> 'reversals') AS n (
            wallet_id text, reversal_id text, event_id text, state text, requested_by text,
            reason text
        )
        -- Rejected ones first: the entry may be asked for anew in this very group.
        ORDER BY n.state <> 'rejected', n.wallet_id, n.reversal_id
        ON CONFLICT (partition, wallet_id, reversal_id) DO UPDATE SET state = excluded.state;
    END IF;

    SELECT a.first_position, a.recorded_at INTO append_group.first_position, append_group.recorded_at
    FROM log.append(
        p_partition, p_epoch, p_first,
        p_callers, p_keys, p_fingerprints, p_statuses, p_answers,
        p_streams, p_versions, p_types, p_event_ids, p_bodies, p_root
    ) a;
END
$$;
CREATE FUNCTION log.append_groups(
    p_partitions smallint[], p_epochs bigint[], p_firsts bigint[], p_counts bigint[],
    p_roots bytea[],
    p_callers text[], p_keys text[], p_fingerprints bytea[], p_statuses smallint[],
    p_answers bytea[],
    p_streams text[], p_versions bigint[], p_types text[], p_event_ids uuid[], p_bodies bytea[],
    p_homes smallint[], p_wallets text[], p_reached bigint[], p_issuers text[], p_balances text[]
) RETURNS timestamptz[] LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO view.wallet AS w (partition, wallet_id, version, issuers, balances)
    SELECT n.home, n.wallet_id, n.version, n.issuers::text[], n.balances::bigint[]
    FROM unnest(p_homes, p_wallets, p_reached, p_issuers, p_balances)
        AS n (home, wallet_id, version, issuers, balances)
    ORDER BY n.home, n.wallet_id
    ON CONFLICT (partition, wallet_id) DO UPDATE
    SET version = excluded.version, issuers = excluded.issuers, balances = excluded.balances;

    RETURN log.append_together(
        p_partitions, p_epochs, p_firsts, p_counts, p_roots,
        p_callers, p_keys, p_fingerprints, p_statuses, p_answers,
        p_streams, p_versions, p_types, p_event_ids, p_bodies
    );
END
$$;
REVOKE EXECUTE ON FUNCTION log.append_group, log.append_groups FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_group, log.append_groups TO wallet_ledger_app;
