"""Who is who: members and their cards, cashiers, operators, logins and tokens."""
