"""Screens: console/ (TypeScript) and grafana/ (dashboards as code)."""
