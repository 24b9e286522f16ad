"""Which live process writes which partition: pure, the same in every process that sees the same."""

from collections.abc import Collection, Mapping


def shares(live: Collection[str], holders: Mapping[int, str | None]) -> dict[int, str]:
    """Return whose each partition is to be: {} if nobody lives.

    `holders`: every partition, and who holds it now (None, or one that is not live: nobody).
    Loads differ by at most one, and as few partitions move as that allows: who holds most is
    allowed the larger share, keeps what it has up to it, and gives up its highest ones. Ties are
    decided by name. Once `holders` is fair nothing moves.
    """
    held: dict[str, list[int]] = {process: [] for process in sorted(live)}
    for partition in sorted(holders):
        holder = holders[partition]
        if holder in held:
            held[holder].append(partition)
    if not held:
        return {}
    small, larger = divmod(len(holders), len(held))
    by_load = sorted(held, key=lambda process: -len(held[process]))
    quota = {process: small + (rank < larger) for rank, process in enumerate(by_load)}
    target = {p: process for process in by_load for p in held[process][: quota[process]]}
    homeless = iter(partition for partition in sorted(holders) if partition not in target)
    for process in by_load:
        for _ in range(quota[process] - len(held[process])):
            target[next(homeless)] = process
    return target
