"""Grafana dashboards as code, over the InfluxDB that the hub's influx historian fills (layout: docs/influx.md)."""
