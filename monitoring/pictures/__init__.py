"""Pictures of the dashboards: panels as they are defined, with what Prometheus answers after a real rush hour.

No Grafana is needed, so this draws what Grafana would ask for, not how Grafana would draw it.
"""
