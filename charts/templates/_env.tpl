{{/* Environment of `serve`. Ports and hosts are the image's. */}}
{{- define "hyperfleet-api.env" -}}
{{ include "hyperfleet-api.databaseEnv" . | trim }}
{{- if .Values.kinds }}
- name: HYPERFLEET_KINDS_FILE
  value: /etc/hyperfleet/kinds/kinds.yaml
{{- end }}
{{- /* These win over the file, so they are set only when the user sets them. */}}
{{- if kindIs "slice" .Values.adapters.cluster }}
- name: HYPERFLEET_CLUSTER_ADAPTERS
  value: {{ .Values.adapters.cluster | toJson | quote }}
{{- end }}
{{- if kindIs "slice" .Values.adapters.nodepool }}
- name: HYPERFLEET_NODEPOOL_ADAPTERS
  value: {{ .Values.adapters.nodepool | toJson | quote }}
{{- end }}
- name: HYPERFLEET_DEFAULT_PAGE_SIZE
  value: {{ int64 .Values.api.defaultPageSize | quote }}
- name: HYPERFLEET_CONDITION_ALIASES
  value: {{ .Values.api.conditionAliases | quote }}
- name: HYPERFLEET_STUCK_AFTER_SECONDS
  value: {{ int64 .Values.api.stuckAfterSeconds | quote }}
- name: HYPERFLEET_MAX_WATCHES
  value: {{ int64 .Values.api.maxWatches | quote }}
- name: HYPERFLEET_WATCH_RETENTION_SECONDS
  value: {{ int64 .Values.api.watchRetentionSeconds | quote }}
- name: LOG_LEVEL
  value: {{ .Values.api.logLevel | quote }}
- name: LOG_POLLS
  value: {{ .Values.api.logPolls | quote }}
- name: KEEP_ALIVE_SECONDS
  value: {{ int64 .Values.api.keepAliveSeconds | quote }}
- name: SHUTDOWN_TIMEOUT_MS
  value: {{ mul .Values.api.shutdownTimeoutSeconds 1000 | quote }}
{{- if .Values.provider.schema }}
- name: OPENAPI_SCHEMA_PATH
  value: /etc/hyperfleet/schemas/openapi.yaml
{{- end }}
{{- range $prefix, $listener := dict "" "enabled" "HEALTH_" "health" "METRICS_" "metrics" }}
{{- if eq "https" (include "hyperfleet-api.scheme" (list $ $listener)) }}
- name: {{ $prefix }}TLS_CERT_FILE
  value: /etc/hyperfleet/tls/tls.crt
- name: {{ $prefix }}TLS_KEY_FILE
  value: /etc/hyperfleet/tls/tls.key
{{- end }}
{{- end }}
- name: AUTH_ENABLED
  value: {{ .Values.auth.enableJwt | quote }}
{{- if .Values.auth.enableJwt }}
{{- if .Values.auth.issuers }}
- name: AUTH_ISSUERS_FILE
  value: /etc/hyperfleet/issuers/issuers.yaml
{{- else }}
{{- with .Values.auth.jwksUrl }}
- name: AUTH_JWKS_URL
  value: {{ . | quote }}
{{- end }}
{{- if .Values.auth.jwksFile }}
- name: AUTH_JWKS_FILE
  value: {{ ternary .Values.auth.jwksFile "/etc/hyperfleet/jwks/jwks.json" (hasPrefix "/" .Values.auth.jwksFile) | quote }}
{{- end }}
- name: AUTH_ISSUER
  value: {{ .Values.auth.issuer | quote }}
- name: AUTH_AUDIENCE
  value: {{ .Values.auth.audience | quote }}
- name: AUTH_IDENTITY_CLAIM
  value: {{ .Values.auth.identityClaim | quote }}
{{- end }}
{{- end }}
- name: AUTHZ_ENABLED
  value: {{ .Values.auth.enableAuthz | quote }}
{{- if .Values.auth.enableAuthz }}
- name: AUTHZ_RULES_FILE
  value: /etc/hyperfleet/authz/rules.yaml
{{- end }}
{{- end }}
