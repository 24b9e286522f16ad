-- The log of checkpoints: partition 1000 of the ledger's tables, beside the partitions of wallets.
-- Partitions from 1000 on belong to logs beside the first one (events.topics.BESIDE): no
-- ledger_position names them, so the wallets' own may become many more than eight.
INSERT INTO log.counter (partition) VALUES (1000);

-- As in 0001, but for the partitions of the first log alone.
CREATE OR REPLACE FUNCTION log.place_at(p_time timestamptz)
RETURNS TABLE (partition smallint, "position" bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    v_counter log.counter;
BEGIN
    FOR v_counter IN
        SELECT * FROM log.counter c WHERE c.partition < 1000 ORDER BY c.partition FOR SHARE
    LOOP
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
