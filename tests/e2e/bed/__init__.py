"""The test bed: gateways, clients and readers that the tests' fixtures are made of."""
