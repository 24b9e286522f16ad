"""The one table of stored names. Renaming a class must not rewrite history: names are strings."""

from events.contracts import catalog, checkpoint, identity, wallet
from events.contracts.base import PublicEvent

CONTRACTS: dict[str, type[PublicEvent]] = {
    "kembalian.identity.MemberRegistered.v1": identity.MemberRegistered,
    "kembalian.identity.MemberConsentChanged.v1": identity.MemberConsentChanged,
    "kembalian.identity.CashierRegistered.v1": identity.CashierRegistered,
    "kembalian.identity.CashierMoved.v1": identity.CashierMoved,
    "kembalian.identity.OperatorRegistered.v1": identity.OperatorRegistered,
    "kembalian.identity.OperatorMoved.v1": identity.OperatorMoved,
    "kembalian.catalog.StoreRegistered.v1": catalog.StoreRegistered,
    "kembalian.catalog.StoreChanged.v1": catalog.StoreChanged,
    "kembalian.wallet.TopUp.v1": wallet.TopUp,
    "kembalian.wallet.ChangeSaved.v1": wallet.ChangeSaved,
    "kembalian.wallet.SaleRecorded.v1": wallet.SaleRecorded,
    "kembalian.wallet.ChangeRedeemed.v1": wallet.ChangeRedeemed,
    "kembalian.wallet.CashedOut.v1": wallet.CashedOut,
    "kembalian.wallet.PaymentHeld.v1": wallet.PaymentHeld,
    "kembalian.wallet.PaymentHoldReleased.v1": wallet.PaymentHoldReleased,
    "kembalian.wallet.PaymentDebited.v1": wallet.PaymentDebited,
    "kembalian.wallet.PaymentRefunded.v1": wallet.PaymentRefunded,
    "kembalian.wallet.ReversalRequested.v1": wallet.ReversalRequested,
    "kembalian.wallet.ReversalRejected.v1": wallet.ReversalRejected,
    "kembalian.wallet.EntryReversed.v1": wallet.EntryReversed,
    "kembalian.checkpoints.CheckpointSigned.v1": checkpoint.CheckpointSigned,
    "kembalian.checkpoints.CheckpointKeyIntroduced.v1": checkpoint.CheckpointKeyIntroduced,
}

NAMES: dict[type[PublicEvent], str] = {contract: name for name, contract in CONTRACTS.items()}


def name_of(event: PublicEvent) -> str:
    """Return the stored name of `event`'s contract. Raises KeyError if it has none."""
    return NAMES[type(event)]


def contract_of(name: str) -> type[PublicEvent] | None:
    """Return the contract stored under `name`, or None for a name that this build does not know."""
    return CONTRACTS.get(name)
