{{- /* A random secret that stays as it is in upgrades: what the cluster has goes before a new one. */}}
{{- define "switchyard.kept" -}}
{{- $old := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
{{- dig "data" .key "" $old | default (randAlphaNum 48 | b64enc) -}}
{{- end }}
