"""The demo: the gateway's main job, walked through with a real Envoy, official SDKs and mock providers."""
