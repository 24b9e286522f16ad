-- One group of commands in one call and one commit: buckets and outcomes (sorted, so that writers
-- cannot deadlock), then what log.append does under the counter's lock.
CREATE FUNCTION log.append_group(
    p_partition smallint, p_epoch bigint, p_first bigint,
    p_callers text[], p_keys text[], p_fingerprints bytea[], p_statuses smallint[],
    p_answers bytea[],
    p_streams text[], p_versions bigint[], p_types text[], p_event_ids uuid[], p_bodies bytea[],
    p_root bytea,
    p_wallets text[], p_issuers text[], p_balances bigint[],
    OUT first_position bigint, OUT recorded_at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO view.bucket AS b (partition, wallet_id, issuer, balance)
    SELECT p_partition, n.wallet_id, n.issuer, n.balance
    FROM unnest(p_wallets, p_issuers, p_balances) AS n (wallet_id, issuer, balance)
    ORDER BY n.wallet_id, n.issuer
    ON CONFLICT (partition, wallet_id, issuer) DO UPDATE SET balance = excluded.balance;

    SELECT a.first_position, a.recorded_at INTO append_group.first_position, append_group.recorded_at
    FROM log.append(
        p_partition, p_epoch, p_first,
        p_callers, p_keys, p_fingerprints, p_statuses, p_answers,
        p_streams, p_versions, p_types, p_event_ids, p_bodies, p_root
    ) a;
END
$$;
REVOKE EXECUTE ON FUNCTION log.append_group FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_group TO wallet_ledger_app;
