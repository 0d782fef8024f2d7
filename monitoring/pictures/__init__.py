"""Pictures of the dashboards: the panels as they are defined, with the answers of Prometheus after a real rush hour.

Needs no Grafana: it draws the data of Grafana's queries in a style of its own.
"""
