"""Built overlays, and what must hold for what they bring."""
