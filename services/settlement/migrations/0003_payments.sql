-- Payments, refunds and reversals: an online payment has no card and no cashier, and what goes back
-- to a member's buckets is owed no longer (a negative amount, so that sums tie with the positions).
ALTER TABLE view.entry
    ALTER COLUMN card_number DROP NOT NULL,
    ALTER COLUMN cashier_id DROP NOT NULL;
ALTER TABLE view.obligation
    ALTER COLUMN card_number DROP NOT NULL,
    DROP CONSTRAINT obligation_amount_check,
    ADD CONSTRAINT obligation_amount_check CHECK (amount <> 0);
