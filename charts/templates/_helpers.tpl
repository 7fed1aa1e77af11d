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
app.kubernetes.io/name: {{ include "hyperfleet-api.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "hyperfleet-api.labelsOf" -}}
{{ include "hyperfleet-api.selectorOf" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: hyperfleet
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "hyperfleet-api.image" -}}
{{- printf "%s/%s:%s" (trimSuffix "/" .Values.image.registry) .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}

{{- define "hyperfleet-api.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "hyperfleet-api.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
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
