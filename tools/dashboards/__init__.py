"""The dashboards' source: what they show (ai_overview, gateway_health), and how it is written down (grafana, console, manifests)."""
