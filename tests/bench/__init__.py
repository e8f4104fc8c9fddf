"""What the gateway costs: CPU per request against a bare Envoy, loaded at the same moment on the same core."""
