"""What is watched, and how: the shipped monitors, rules and dashboards, read for the tests."""
