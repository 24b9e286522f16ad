"""The one public door of Kembalian: routes, limits and time-outs, and nothing of its own."""
