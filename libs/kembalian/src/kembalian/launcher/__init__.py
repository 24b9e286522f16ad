"""`kembalian run`: PostgreSQL, the broker and the five services under one supervisor."""
