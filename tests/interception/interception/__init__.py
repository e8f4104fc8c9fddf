"""A small mesh for the tests of this folder: pods and the gateway in network namespaces of their own."""
