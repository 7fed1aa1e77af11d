{{/*
Fills in what the values of an older release lack (`--reuse-values`) and what is set to null. Where null says
something, it stays: no user id, no source of tokens, an empty list. Maps of the user stay as they are.
*/}}
{{- define "hyperfleet-api.complete" -}}
{{- include "hyperfleet-api.fill" (list .Values (include "hyperfleet-api.defaults" . | fromYaml)) }}
{{- end }}

{{- define "hyperfleet-api.fill" -}}
{{- $values := index . 0 }}
{{- range $name, $default := index . 1 }}
{{- if not (kindIs "invalid" (index $values $name)) }}
{{- if and (kindIs "map" $default) (not (has $name (list "resources" "labels"))) }}
{{- include "hyperfleet-api.fill" (list (index $values $name) $default) }}
{{- end }}
{{- else if not (or (kindIs "slice" $default) (has $name (list "runAsUser" "jwksUrl" "issuer" "audience"))) }}
{{- $_ := set $values $name $default }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hyperfleet-api.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "hyperfleet-api.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "hyperfleet-api.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Name of a second object. Shorter than 52: a StatefulSet's revision label adds to it. Call with (list $ "suffix"). */}}
{{- define "hyperfleet-api.nameOf" -}}
{{- printf "%s-%s" (include "hyperfleet-api.fullname" (index . 0) | trunc 40 | trimSuffix "-") (index . 1) }}
{{- end }}

{{- define "hyperfleet-api.selectorOf" -}}
app.kubernetes.io/name: {{ include "hyperfleet-api.name" (index . 0) | quote }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of an object or a pod. Call with (list $ "component"). */}}
{{- define "hyperfleet-api.labelsOf" -}}
{{- include "hyperfleet-api.labelsWith" (append . dict) }}
{{- end }}

{{- define "hyperfleet-api.chartLabels" -}}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: hyperfleet
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{/* The same with the user's labels; those that selectors use stay. Call with (list $ "component" labels). */}}
{{- define "hyperfleet-api.labelsWith" -}}
{{- $labels := include "hyperfleet-api.chartLabels" . | fromYaml }}
{{- $selector := include "hyperfleet-api.selectorOf" . | fromYaml }}
{{- range list (index . 0).Values.commonLabels (index . 2) $selector }}
{{- range $name, $value := . }}
{{- $_ := set $labels $name $value }}
{{- end }}
{{- end }}
{{- toYaml $labels }}
{{- end }}

{{- define "hyperfleet-api.image" -}}
{{- $version := printf ":%s" (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}
{{- $version = printf "@%s" . }}
{{- end }}
{{- printf "%s/%s%s" (trimSuffix "/" .Values.image.registry) .Values.image.repository $version }}
{{- end }}

{{- define "hyperfleet-api.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "hyperfleet-api.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What a listener speaks. Call with (list $ "enabled"), which is the API, (list $ "health") or (list $ "metrics"). */}}
{{- define "hyperfleet-api.scheme" -}}
{{- $tls := (index . 0).Values.tls }}
{{- ternary "https" "http" (and $tls.enabled (index $tls (index . 1))) }}
{{- end }}

{{/* What every pod asks for, so that the restricted Pod Security Standard lets it in. Call with the user id or null. */}}
{{- define "hyperfleet-api.podSecurityContext" -}}
runAsNonRoot: true
{{- with . }}
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
{{- end }}
{{- /* A new walk over the volume would open PostgreSQL's directory to the group, and it would not start. */}}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "hyperfleet-api.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* Where pods of the chart may run, and what they may pull. */}}
{{- define "hyperfleet-api.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* How long a stopping pod may take: balancers first, then the requests under way, then a margin. */}}
{{- define "hyperfleet-api.gracePeriod" -}}
{{- add .Values.api.preStopSeconds .Values.api.shutdownTimeoutSeconds 5 }}
{{- end }}
