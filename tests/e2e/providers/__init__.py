"""Providers for the tests: a scripted one of our own, on loopback."""
