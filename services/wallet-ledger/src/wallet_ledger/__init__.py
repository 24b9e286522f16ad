"""The ledger of members' money: the only writer of balance events."""
