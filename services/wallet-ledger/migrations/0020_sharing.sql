-- What several processes need to share the partitions: giving one lease up, taking one although it
-- is held, and following a process that died at the same address.

-- Give up one lease. Without its owner's name, so that a renewal under way does not prolong it.
CREATE FUNCTION log.release_lease(p_name text, p_owner text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    UPDATE log.lease SET owner = '', expires_at = '-infinity'
    WHERE name = p_name AND owner = p_owner
$$;

-- Take the lease `p_name` whoever holds it. Returns its new epoch. What the old owner still writes
-- is refused once the caller has raised the partition's epoch.
CREATE FUNCTION log.seize_lease(
    p_name text, p_owner text, p_address text, p_seconds double precision
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    INSERT INTO log.lease AS l (name, epoch, owner, address, expires_at)
    VALUES (p_name, 1, p_owner, p_address,
            clock_timestamp() + make_interval(secs => p_seconds))
    ON CONFLICT (name) DO UPDATE
    SET epoch = l.epoch + 1, owner = p_owner, address = p_address,
        expires_at = clock_timestamp() + make_interval(secs => p_seconds)
    RETURNING epoch
$$;

-- Free what a process held that answered at `p_address` before `p_owner` did: it cannot answer
-- there any more, so it is dead or asleep, and epochs fence it. Forgets processes that are long gone.
CREATE FUNCTION log.succeed(p_owner text, p_address text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    DELETE FROM log.lease
    WHERE name LIKE 'process/%' AND expires_at < clock_timestamp() - interval '1 minute';
    UPDATE log.lease SET owner = '', expires_at = '-infinity'
    WHERE address = p_address AND owner <> p_owner;
$$;

REVOKE EXECUTE ON FUNCTION log.release_lease, log.seize_lease, log.succeed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.release_lease, log.seize_lease, log.succeed TO wallet_ledger_app;
