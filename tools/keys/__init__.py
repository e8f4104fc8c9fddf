"""API keys: made here, known to the gateway only by their SHA-256."""
