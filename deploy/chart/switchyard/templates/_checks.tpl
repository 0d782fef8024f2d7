{{- /* What the schema can't say. Each message names the value and what to do. */}}
{{- define "switchyard.checks" -}}
{{- $config := .Values.config -}}
{{- $set := dict
  "listen" "listeners and bindAddress"
  "listen_proxy_protocol" "proxyProtocol"
  "tls" "tls.existingSecret"
  "admin.listen" "admin.port and bindAddress"
  "admin.token_file" "admin.existingSecret"
  "admin.tls" "admin.tls.existingSecret"
  "fleet.store" "fleet.url"
  "fleet.password_file" "fleet.existingSecret"
  "state.file" "state.enabled" -}}
{{- if .Values.upstreamTls.caSecret -}}
{{- $_ := set $set "upstream.tls.ca" "upstreamTls.caSecret" -}}
{{- end -}}
{{- if .Values.upstreamTls.clientSecret -}}
{{- $_ := set $set "upstream.tls.certificate" "upstreamTls.clientSecret" -}}
{{- $_ := set $set "upstream.tls.key" "upstreamTls.clientSecret" -}}
{{- end -}}
{{- range $key, $instead := $set -}}
{{- $value := $config -}}
{{- $written := true -}}
{{- range splitList "." $key -}}
{{- if and $written (kindIs "map" $value) (hasKey ($value | default dict) .) -}}
{{- $value = get $value . -}}
{{- else -}}
{{- $written = false -}}
{{- end -}}
{{- end -}}
{{- if $written -}}
{{- fail (printf "config.%s: the chart writes it; set %s" $key $instead) -}}
{{- end -}}
{{- end -}}

{{- if not .Values.existingConfigMap -}}
{{- if not (or $config.substations $config.discovery .Values.demo.enabled) -}}
{{- fail "config: says nothing of substations; set config.substations or config.discovery, or demo.enabled=true to try the proxy with simulated ones" -}}
{{- end -}}
{{- if and $config.fleet (not .Values.fleet.enabled) -}}
{{- fail "config.fleet: has no store; set fleet.enabled=true" -}}
{{- end -}}
{{- if and $config.state (not .Values.state.enabled) -}}
{{- fail "config.state: has no file; set state.enabled=true" -}}
{{- end -}}
{{- $selects := list (dict "where" "config.select" "select" ($config.select | default dict)) -}}
{{- range $at, $route := $config.routes -}}
{{- $selects = append $selects (dict "where" (printf "config.routes[%d].select" $at) "select" ($route.select | default dict)) -}}
{{- end -}}
{{- range $selects -}}
{{- $preferred := 0 -}}
{{- range .select -}}
{{- if .prefer -}}{{- $preferred = add $preferred 1 -}}{{- end -}}
{{- end -}}
{{- if gt (int $preferred) 1 -}}
{{- fail (printf "%s: several labels are preferred, in the order of the file, and values have no order; write the file into a ConfigMap and set existingConfigMap" .where) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- $names := list "admin" -}}
{{- $ports := list (int .Values.admin.port) -}}
{{- $servicePorts := list -}}
{{- range .Values.listeners -}}
{{- if has .name $names -}}{{- fail (printf "listeners: the name %s is taken" .name) -}}{{- end -}}
{{- if has (int .port) $ports -}}{{- fail (printf "listeners: the port %d is taken" (int .port)) -}}{{- end -}}
{{- if has (int .servicePort) $servicePorts -}}{{- fail (printf "listeners: the servicePort %d is taken" (int .servicePort)) -}}{{- end -}}
{{- $names = append $names .name -}}
{{- $ports = append $ports (int .port) -}}
{{- $servicePorts = append $servicePorts (int .servicePort) -}}
{{- end -}}

{{- if and .Values.tls.clientCaSecret (not .Values.tls.existingSecret) -}}
{{- fail "tls.clientCaSecret: needs tls.existingSecret, because only clients with TLS show certificates" -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" (include "switchyard.name" (dict "root" .))) -}}
{{- fail "fullnameOverride: names of services begin with a letter, and the release's does not; set it" -}}
{{- end -}}
{{- $timeouts := merge (dict) ($config.timeouts | default dict) (dict "client" "10s" "request" "5s" "connect" "200ms") -}}
{{- $stop := .Values.preStopSeconds -}}
{{- range list $timeouts.client $timeouts.request $timeouts.connect (dig "drain" "delay" "0s" $config) -}}
{{- $stop = addf $stop (include "switchyard.seconds" . | float64) -}}
{{- end -}}
{{- if gt $stop (float64 .Values.terminationGracePeriodSeconds) -}}
{{- fail (printf "terminationGracePeriodSeconds: is shorter than preStopSeconds and the deadlines of a request (drain.delay, timeouts.client, .request and .connect) together, which are %v s; set it higher" $stop) -}}
{{- end -}}
{{- if ne .Values.service.type "LoadBalancer" -}}
{{- if or .Values.service.loadBalancerClass .Values.service.loadBalancerSourceRanges -}}
{{- fail "service.type: loadBalancerClass and loadBalancerSourceRanges need LoadBalancer" -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.service.type "ClusterIP" -}}
{{- if .Values.service.externalTrafficPolicy -}}
{{- fail "service.type: externalTrafficPolicy needs NodePort or LoadBalancer" -}}
{{- end -}}
{{- range .Values.listeners -}}
{{- if .nodePort -}}{{- fail (printf "service.type: the nodePort of the listener %s needs NodePort or LoadBalancer" .name) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) -}}
{{- fail "autoscaling.maxReplicas: is below minReplicas" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not .Values.existingConfigMap) (ge (int64 .Values.autoscaling.connections) (int64 (dig "limits" "connections" 10000 $config))) -}}
{{- fail "autoscaling.connections: must be below config.limits.connections, or a proxy turns clients away before it gets a twin" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not (dig "requests" "cpu" "" .Values.resources)) -}}
{{- fail "resources.requests.cpu: autoscaling.cpuUtilization is a share of it; set it" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.restrictEgress (not .Values.demo.enabled) (not .Values.networkPolicy.egress) -}}
{{- fail "networkPolicy.egress: no substation can be reached; name them there, or set networkPolicy.restrictEgress=false" -}}
{{- end -}}
{{- end }}

{{- /* The seconds of a duration, as the proxy writes it: `1m 30s`. */}}
{{- define "switchyard.seconds" -}}
{{- $unit := dict "ns" 0.000000001 "us" 0.000001 "ms" 0.001 "s" 1 "m" 60 "h" 3600 -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9]+ *(ns|us|ms|s|m|h)" . -1 -}}
{{- $seconds = addf $seconds (mulf (regexFind "[0-9]+" . | float64) (get $unit (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $seconds -}}
{{- end }}
