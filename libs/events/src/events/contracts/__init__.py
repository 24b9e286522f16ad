"""Every public event, one module per bounded context, and the one table of their names."""

from events.contracts.base import PublicEvent
from events.contracts.names import CONTRACTS, NAMES, contract_of, name_of

__all__ = ["CONTRACTS", "NAMES", "PublicEvent", "contract_of", "name_of"]
