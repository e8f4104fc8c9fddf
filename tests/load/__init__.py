"""Load by k6."""
