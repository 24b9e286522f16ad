"""What each store owes each other store, projected from the events of members' wallets."""
