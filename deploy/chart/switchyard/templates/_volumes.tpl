{{- /* The volumes of secrets beside the token, and their Secrets; each is mounted at /run/VOLUME. */}}
{{- define "switchyard.secretVolumes" -}}
{{- with .Values.tls.existingSecret }}
tls: {{ . | quote }}
{{- end }}
{{- with .Values.tls.clientCaSecret }}
client-ca: {{ . | quote }}
{{- end }}
{{- with .Values.admin.tls.existingSecret }}
admin-tls: {{ . | quote }}
{{- end }}
{{- with .Values.upstreamTls.caSecret }}
upstream-ca: {{ . | quote }}
{{- end }}
{{- with .Values.upstreamTls.clientSecret }}
upstream-tls: {{ . | quote }}
{{- end }}
{{- if .Values.fleet.enabled }}
{{- with include "switchyard.storeSecret" . }}
store: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
