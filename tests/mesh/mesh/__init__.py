"""What the tests of this folder do with a control plane: overlays, pods, a gateway, calls."""
