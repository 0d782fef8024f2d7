{{- /* The configuration of the proxies: that of the values, and what follows from ports, secrets and the store. */}}
{{- define "switchyard.config" -}}
{{- $root := . -}}
{{- $config := deepCopy .Values.config -}}
{{- $listen := list -}}
{{- range .Values.listeners -}}
{{- $listen = append $listen (printf "%s:%d" $root.Values.bindAddress (int .port)) -}}
{{- end -}}
{{- $_ := set $config "listen" (eq (len $listen) 1 | ternary (first $listen) $listen) -}}
{{- if .Values.proxyProtocol -}}
{{- $_ := set $config "listen_proxy_protocol" true -}}
{{- end -}}

{{- $admin := $config.admin | default dict -}}
{{- $_ := set $admin "listen" (printf "%s:%d" .Values.bindAddress (int .Values.admin.port)) -}}
{{- $_ := set $admin "token_file" (printf "/run/switchyard/%s" .Values.admin.tokenKey) -}}
{{- if .Values.admin.tls.existingSecret -}}
{{- $_ := set $admin "tls" (dict "certificate" "/run/admin-tls/tls.crt" "key" "/run/admin-tls/tls.key") -}}
{{- end -}}
{{- $_ := set $config "admin" $admin -}}

{{- if .Values.tls.existingSecret -}}
{{- $tls := dict "certificate" "/run/tls/tls.crt" "key" "/run/tls/tls.key" -}}
{{- if .Values.tls.clientCaSecret -}}
{{- $_ := set $tls "client_ca" (printf "/run/client-ca/%s" .Values.tls.clientCaKey) -}}
{{- end -}}
{{- $_ := set $config "tls" $tls -}}
{{- end -}}

{{- if or .Values.upstreamTls.caSecret .Values.upstreamTls.clientSecret -}}
{{- $upstream := $config.upstream | default dict -}}
{{- $tls := $upstream.tls | default dict -}}
{{- if .Values.upstreamTls.caSecret -}}
{{- $_ := set $tls "ca" (printf "/run/upstream-ca/%s" .Values.upstreamTls.caKey) -}}
{{- end -}}
{{- if .Values.upstreamTls.clientSecret -}}
{{- $_ := set $tls "certificate" "/run/upstream-tls/tls.crt" -}}
{{- $_ := set $tls "key" "/run/upstream-tls/tls.key" -}}
{{- end -}}
{{- $_ := set $upstream "tls" $tls -}}
{{- $_ := set $config "upstream" $upstream -}}
{{- end -}}

{{- if .Values.fleet.enabled -}}
{{- $fleet := $config.fleet | default dict -}}
{{- $own := printf "redis://%s.%s.svc" (include "switchyard.name" (dict "root" . "suffix" "-store" "limit" 52)) .Release.Namespace -}}
{{- $_ := set $fleet "store" (.Values.fleet.url | default $own) -}}
{{- if include "switchyard.storeSecret" . -}}
{{- $_ := set $fleet "password_file" (printf "/run/store/%s" .Values.fleet.passwordKey) -}}
{{- end -}}
{{- $_ := set $config "fleet" $fleet -}}
{{- end -}}

{{- if .Values.state.enabled -}}
{{- $state := $config.state | default dict -}}
{{- $_ := set $state "file" "/var/lib/switchyard/state" -}}
{{- $_ := set $config "state" $state -}}
{{- end -}}

{{- if and .Values.demo.enabled (not $config.discovery) (not $config.substations) -}}
{{- $service := printf "%s.%s.svc" (include "switchyard.name" (dict "root" . "suffix" "-substation" "limit" 52)) .Release.Namespace -}}
{{- $_ := set $config "discovery" (dict "dns" (list (dict "name" $service "port" 5001 "refresh" "5s"))) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{- /* A hash of what a running proxy can't change (docs/operations/starting.md): the pods are replaced if it changes, and only
     then. Of `tls`, `admin.tls` and the token only their presence counts. A test compares the list with the proxy's. */}}
{{- define "switchyard.restart" -}}
{{- $config := include "switchyard.config" . | fromYaml -}}
{{- $kept := dict -}}
{{- range list "listen" "listen_proxy_protocol" "admin.listen" "threads" "fleet" "state" "log.format" -}}
{{- $value := $config -}}
{{- range splitList "." . -}}
{{- $value = kindIs "map" $value | ternary (get ($value | default dict) .) "" -}}
{{- end -}}
{{- $_ := set $kept . (toJson $value) -}}
{{- end -}}
{{- range list "tls" "admin.tls" "admin.token_file" -}}
{{- $value := $config -}}
{{- range splitList "." . -}}
{{- $value = get ($value | default dict) . -}}
{{- end -}}
{{- $_ := set $kept . (empty $value) -}}
{{- end -}}
{{- toJson $kept | sha256sum | trunc 16 -}}
{{- end }}
