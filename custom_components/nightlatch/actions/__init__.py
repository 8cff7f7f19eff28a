"""What automations and dashboards can ask for."""
