{{- /* A name of at most `limit` characters. What is cut gets a hash, so that two long names stay two. */}}
{{- define "switchyard.shorten" -}}
{{- if le (len .name) (int .limit) -}}
{{ .name }}
{{- else -}}
{{ .name | trunc (int (sub .limit 9)) | trimSuffix "-" }}-{{ .name | sha256sum | trunc 8 }}
{{- end -}}
{{- end }}

{{- /* The name label of the proxies. */}}
{{- define "switchyard.label" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{- /* The name label of the chart's own store. */}}
{{- define "switchyard.storeLabel" -}}
{{ include "switchyard.label" . }}-store
{{- end }}

{{- /* The name of an object: that of the release, and a suffix. A StatefulSet adds to its name in a label, so its limit
     is 52; that of the others is 63, as for a DNS label. */}}
{{- define "switchyard.name" -}}
{{- $root := .root -}}
{{- $base := $root.Values.fullnameOverride -}}
{{- if not $base -}}
{{- $base = $root.Release.Name | replace "." "-" -}}
{{- if not (contains (include "switchyard.label" $root) $base) -}}
{{- $base = printf "%s-%s" $base (include "switchyard.label" $root) -}}
{{- end -}}
{{- end -}}
{{- include "switchyard.shorten" (dict "name" (printf "%s%s" $base (.suffix | default "")) "limit" (.limit | default 63)) -}}
{{- end }}

{{- /* What selects pods, and never changes: a Deployment's selector can't. `name` is that of the proxies if empty. */}}
{{- define "switchyard.selector" -}}
app.kubernetes.io/name: {{ .name | default (include "switchyard.label" .root) | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- end }}

{{- define "switchyard.labels" -}}
{{ include "switchyard.selector" . }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/part-of: switchyard
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Name, namespace and labels of an object. */}}
{{- define "switchyard.metadata" -}}
name: {{ include "switchyard.name" (dict "root" .root "suffix" .suffix "limit" .limit) | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "switchyard.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "switchyard.image" -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ $tag }}
{{- end -}}
{{- end }}

{{- /* A number or a text, as text: a large number is 7.68e+08 otherwise. */}}
{{- define "switchyard.text" -}}
{{ kindIs "string" . | ternary . (. | int64) }}
{{- end }}

{{- /* The names of what the chart makes unless there is one. */}}
{{- define "switchyard.adminSecret" -}}
{{ .Values.admin.existingSecret | default (include "switchyard.name" (dict "root" . "suffix" "-admin")) }}
{{- end }}

{{- define "switchyard.storeSecret" -}}
{{- if or .Values.fleet.existingSecret (not .Values.fleet.url) -}}
{{ .Values.fleet.existingSecret | default (include "switchyard.name" (dict "root" . "suffix" "-store" "limit" 52)) }}
{{- end -}}
{{- end }}

{{- define "switchyard.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "switchyard.name" (dict "root" .)) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}
