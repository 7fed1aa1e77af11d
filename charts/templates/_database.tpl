{{/* Secret with db.host, db.port, db.name, db.user and db.password, whoever made it. */}}
{{- define "hyperfleet-api.databaseSecret" -}}
{{- if .Values.database.external.enabled }}
{{- .Values.database.external.secretName }}
{{- else }}
{{- default (include "hyperfleet-api.nameOf" (list . "postgresql")) .Values.database.postgresql.existingSecret }}
{{- end }}
{{- end }}

{{/* true when the configured PgBouncer keeps named statements in transaction mode. */}}
{{- define "hyperfleet-api.pgbouncerKnowsStatements" -}}
{{- $version := regexFind "[0-9]+\\.[0-9]+(\\.[0-9]+)?" .Values.pgbouncer.image.tag }}
{{- if $version }}
{{- if semverCompare ">=1.21.0" $version }}true{{ end }}
{{- end }}
{{- end }}

{{- define "hyperfleet-api.preparedStatements" -}}
{{- if kindIs "bool" .Values.database.preparedStatements }}
{{- .Values.database.preparedStatements }}
{{- else if .Values.pgbouncer.enabled }}
{{- eq "true" (include "hyperfleet-api.pgbouncerKnowsStatements" .) }}
{{- else }}
{{- true }}
{{- end }}
{{- end }}

{{/* Address of the database server itself. */}}
{{- define "hyperfleet-api.serverEnv" -}}
{{- if .Values.database.external.enabled }}
- name: PGHOST
  valueFrom:
    secretKeyRef:
      name: {{ include "hyperfleet-api.databaseSecret" . | quote }}
      key: db.host
- name: PGPORT
  valueFrom:
    secretKeyRef:
      name: {{ include "hyperfleet-api.databaseSecret" . | quote }}
      key: db.port
{{- else }}
- name: PGHOST
  value: {{ include "hyperfleet-api.nameOf" (list . "postgresql") | quote }}
- name: PGPORT
  value: "5432"
{{- end }}
{{- end }}

{{- define "hyperfleet-api.credentialsEnv" -}}
- name: PGDATABASE
  valueFrom:
    secretKeyRef:
      name: {{ include "hyperfleet-api.databaseSecret" . | quote }}
      key: db.name
- name: PGUSER
  valueFrom:
    secretKeyRef:
      name: {{ include "hyperfleet-api.databaseSecret" . | quote }}
      key: db.user
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "hyperfleet-api.databaseSecret" . | quote }}
      key: db.password
{{- end }}

{{/* TLS to the database server. */}}
{{- define "hyperfleet-api.serverSslMode" -}}
{{- if .Values.database.external.enabled }}{{ .Values.database.external.sslMode }}{{ else }}disable{{ end }}
{{- end }}

{{/* What the API needs to reach its database, directly or through PgBouncer. */}}
{{- define "hyperfleet-api.databaseEnv" -}}
{{- if .Values.pgbouncer.enabled }}
- name: PGHOST
  value: {{ include "hyperfleet-api.nameOf" (list . "pgbouncer") | quote }}
- name: PGPORT
  value: "6432"
- name: PGSSLMODE
  value: disable
{{- else }}
{{- include "hyperfleet-api.serverEnv" . }}
- name: PGSSLMODE
  value: {{ include "hyperfleet-api.serverSslMode" . | quote }}
{{- if .Values.database.external.caSecretName }}
- name: PGSSLROOTCERT
  value: /etc/hyperfleet/database-ca/ca.crt
{{- end }}
{{- end }}
{{ include "hyperfleet-api.credentialsEnv" . }}
- name: DATABASE_POOL_MAX
  value: {{ .Values.database.poolMax | quote }}
- name: DATABASE_PREPARED_STATEMENTS
  value: {{ include "hyperfleet-api.preparedStatements" . | quote }}
{{- end }}

{{/* Name of the secret with the certificate authority, for whoever speaks to the server. Call with (list $ isPgbouncer). */}}
{{- define "hyperfleet-api.caSecret" -}}
{{- $root := index . 0 }}
{{- if and $root.Values.database.external.enabled (eq (index . 1) $root.Values.pgbouncer.enabled) }}
{{- $root.Values.database.external.caSecretName }}
{{- end }}
{{- end }}
