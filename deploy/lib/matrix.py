"""Values of the chart, each with what it is for: what the tests render."""

from .chart import merged

# The least that the chart asks for.
LEAST = {"config": {"substations": [{"name": "north", "address": "10.0.0.1:5001"}]}}

SWITCHES = {
    "nothing but substations": {},
    "demo": {"demo": {"enabled": True}, "config": {"substations": None}},
    "own secret": {"admin": {"existingSecret": "token", "tokenKey": "admin-token"}},
    "fleet": {"fleet": {"enabled": True}},
    "fleet with a secret": {"fleet": {"enabled": True, "existingSecret": "store", "passwordKey": "word"}},
    "another store": {"fleet": {"enabled": True, "url": "rediss://keys.example:6379/0", "existingSecret": "keys"}},
    "store without a password": {"fleet": {"enabled": True, "url": "redis://keys.example"}},
    "settings of the fleet": {"fleet": {"enabled": True}, "config": {"fleet": {"timeout": "80ms", "prefix": "north"}}},
    "large store": {"fleet": {"enabled": True, "valkey": {
        "maxmemory": 4000000000, "appendfsync": "always", "storage": {"size": 17179869184, "className": "fast"}}}},
    "state": {"state": {"enabled": True, "sizeLimit": 268435456}, "config": {"state": {"interval": "10s"}}},
    "TLS": {"tls": {"existingSecret": "certificate"}},
    "client certificates": {"tls": {"existingSecret": "certificate", "clientCaSecret": "clients", "clientCaKey": "root.pem"}},
    "TLS to substations": {"upstreamTls": {"caSecret": "substations", "clientSecret": "proxy"}},
    "TLS of the admin port": {"admin": {"tls": {"existingSecret": "admin"}},
                              "serviceMonitor": {"enabled": True, "tlsConfig": {"insecureSkipVerify": True}}},
    "PROXY protocol": {"proxyProtocol": True, "networkPolicy": {"chargeFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}},
    "listeners": {"listeners": [
        {"name": "charge", "port": 8080, "servicePort": 80}, {"name": "second", "port": 18081, "servicePort": 8081, "nodePort": 30081},
        {"name": "on", "port": 8082, "servicePort": 8082, "appProtocol": "http"}], "service": {"type": "NodePort"}},
    "ports": {"listeners": [{"name": "charge", "port": 65535, "servicePort": 65534}], "admin": {"port": 65533}},
    "IPv6": {"bindAddress": "[::]", "service": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}},
    "load balancer": {"service": {
        "type": "LoadBalancer", "loadBalancerClass": "example.com/internal", "loadBalancerSourceRanges": ["10.0.0.0/8"],
        "externalTrafficPolicy": "Local", "annotations": {"example.com/a: b": "no"}}},
    "HPA": {"autoscaling": {"enabled": True, "requestsPerSecond": 20000, "connections": 6000}},
    "KEDA": {"autoscaling": {"enabled": True, "kind": "keda", "connections": 900000, "requestsPerSecond": 2000000,
                             "keda": {"authentication": "prometheus"}}, "config": {"limits": {"connections": 1000000}}},
    "KEDA with other labels": {"autoscaling": {"enabled": True, "kind": "keda", "keda": {"selector": 'pod=~"switchyard-.*"'}}},
    "no budget": {"podDisruptionBudget": {"enabled": False}},
    "other budget": {"podDisruptionBudget": {"minAvailable": "50%", "unhealthyPodEvictionPolicy": "IfHealthyBudget"}},
    "budget of none": {"podDisruptionBudget": {"minAvailable": 0}},
    "no policy": {"networkPolicy": {"enabled": False}},
    "closed": {"networkPolicy": {"restrictEgress": True, "adminFrom": [], "dnsTo": [], "egress": [
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 5001, "protocol": "TCP"}]}]}},
    "monitor": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "metricRelabelings": [
        {"sourceLabels": ["__name__"], "regex": "switchyard_upstream_duration_seconds_.*", "action": "drop"}]}},
    "rules": {"prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}}},
    "account of another": {"serviceAccount": {"create": False, "name": "other"}},
    "account with annotations": {"serviceAccount": {"name": "own", "annotations": {"example.com/role": "arn:aws:iam::1:role/x"}}},
    "no account": {"serviceAccount": {"create": False}},
    "image": {"image": {"repository": "registry.example.com:5000/a/proxy", "tag": "1.10", "pullPolicy": "Always"},
              "imagePullSecrets": [{"name": "registry"}]},
    "digest": {"image": {"digest": "sha256:" + "0" * 64}},
    "placed": {"nodeSelector": {"disk": "yes"}, "priorityClassName": "high", "topologySpread": {"topologyKeys": []},
               "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 3600000}],
               "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                   {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["1"]}]}]}}}},
    "more": {"extraArgs": ["--upgrade-socket", "/run/u/upgrade.sock"], "extraEnv": [{"name": "RUST_LOG", "value": "yes: \"no\""}],
             "extraEnvFrom": [{"secretRef": {"name": "env"}}], "extraVolumes": [{"name": "u", "emptyDir": {}}],
             "extraVolumeMounts": [{"name": "u", "mountPath": "/run/u"}],
             "extraContainers": [{"name": "beside", "image": "beside:1"}], "initContainers": [{"name": "before", "image": "before:1"}],
             "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Chart.Name }}-more"}},
                              "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: text\n"]},
    "odd text": {"annotations": {"a": 'b: "c" # d', "e": "1e3", "f": "", "g": "{{ .Values.x }}", "h": "line\nline: 2"},
                 "podAnnotations": {"yes": "no", "a": "'"}, "podLabels": {"on": "1.0"}, "commonLabels": {"team": "007"},
                 "service": {"adminAnnotations": {"b": "true"}}},
    "no pause": {"preStopSeconds": 0, "terminationGracePeriodSeconds": 1000000, "config": {"drain": {"delay": "5s"}}},
    "numbers": {"replicas": 0, "demo": {"enabled": True, "replicas": 100, "capacityKw": 4000000000000}, "config": {
        "substations": None, "limits": {"connections": 1000000, "body": 16777216}, "retry": {"keys": 100000000},
        "feeders": [{"name": "town", "capacity": 4000000000000}], "charge": {"default_load": 0.5}, "threads": 2}},
    "much configured": {"config": {
        "admin": {"connections": 32}, "upstream": {"pipeline": "off", "max_requests": 12}, "policy": "power_of_two",
        "clients": [{"name": "a", "token_sha256": "1" * 64, "rate": "10/s"}], "log": {"format": "json"},
        "routes": [{"path": "/v1/", "methods": ["GET", "POST"], "load": {"field": "n", "per": 1000000}, "errors": {"shape": "openai"}}],
        "select": {"connector": {"field": "connector_type"}, "zone": {"header": "x-zone", "prefer": True, "spill_at": 0.85}},
        "load": {"metric": " + ".join(['a{b="c",d!="e: f"}', *(f"a_gauge_with_a_long_name_{at}" for at in range(7))]), "interval": "1s"},
        "substations": [{"name": "on", "address": "10.0.0.1:5001", "labels": {
                            "zone": "1.10", "power": 150, "a": "0123", "b": "1e3", "c": "null", "d": "~", "e": "a: b #c", "f": "12:30"}},
                        {"name": "y", "address": "[fd00::1]:5001", "capacity": 1000000}]}},
    "prometheus": {"config": {"load": {"prometheus": {"url": "http://prometheus.example:9090", "query": "load"}},
                              "substations": None, "discovery": {"dns": ["substations.example:5001"], "allow": ["10.0.0.0/8"]}}},
    "configuration of another": {"existingConfigMap": "other", "config": {"substations": None}},
    "part of another chart": {"global": {"imageRegistry": "x"}, "enabled": True},
}

# What can be on at once, all together.
TOGETHER = [
    "own secret", "fleet", "state", "TLS", "client certificates", "TLS to substations", "TLS of the admin port", "PROXY protocol",
    "listeners", "HPA", "closed", "monitor", "rules", "account with annotations", "image", "more", "odd text", "much configured"]


def renderings():
    """All values to render, by what they are for."""
    for what, values in SWITCHES.items():
        made = merged(LEAST, values)
        # `None` takes out what is not wanted beside the rest.
        yield what, {**made, "config": {key: value for key, value in made["config"].items() if value is not None}}
    everything = {**LEAST, "demo": {"enabled": True}}
    for what in TOGETHER:
        everything = merged(everything, SWITCHES[what])
    yield "everything", everything


# Releases, by name and namespace: odd, long, and alike up to their end.
LONG = "r" * 52
RELEASES = {
    "switchyard": {}, "my-switchyard-2": {}, "a.b": {}, "north": {"nameOverride": "yard"}, "south": {"fullnameOverride": "on"},
    "123": {"fullnameOverride": "yard"}, LONG + "a": {}, LONG + "b": {}, "x": {"fullnameOverride": "f" * 63},
    "y": {"nameOverride": "n" * 57}, "true": {},
}
