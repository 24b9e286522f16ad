"""What identity says in public: ids, cards and consent; never a name, an address or a secret."""

from events.contracts.base import Id, PublicEvent


class MemberRegistered(PublicEvent):
    """A member exists, with the card that stands for the wallet of the same id."""

    member_id: Id
    card_number: Id
    auto_save_consent: bool


class MemberConsentChanged(PublicEvent):
    """The member gave, or took back, consent to save small change without being asked."""

    member_id: Id
    auto_save_consent: bool


class CashierRegistered(PublicEvent):
    """A cashier stands at the till of `store_id`."""

    cashier_id: Id
    store_id: Id


class CashierMoved(PublicEvent):
    """A cashier now stands at the till of `store_id`."""

    cashier_id: Id
    store_id: Id


class OperatorRegistered(PublicEvent):
    """An operator runs the public shop of `store_id`."""

    username: Id
    store_id: Id


class OperatorMoved(PublicEvent):
    """An operator now runs the public shop of `store_id`."""

    username: Id
    store_id: Id
