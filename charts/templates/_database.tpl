{{/* Secret with the host, port, name, user and password of the database, whoever made it. */}}
{{- define "hyperfleet-api.databaseSecret" -}}
{{- if .Values.database.external.enabled }}
{{- .Values.database.external.secretName }}
{{- else }}
{{- default (include "hyperfleet-api.nameOf" (list . "postgresql")) .Values.database.postgresql.existingSecret }}
{{- end }}
{{- end }}

{{/* Key in that secret, empty when there is none. Call with (list $ "host"). */}}
{{- define "hyperfleet-api.databaseKey" -}}
{{- $external := (index . 0).Values.database.external }}
{{- if $external.enabled }}{{ index $external.keys (index . 1) }}{{ else }}db.{{ index . 1 }}{{ end }}
{{- end }}

{{/* An environment variable from that secret, if it has the key. Call with (list $ "PGHOST" "host"). */}}
{{- define "hyperfleet-api.fromDatabaseSecret" -}}
{{- with include "hyperfleet-api.databaseKey" (list (index . 0) (index . 2)) }}
- name: {{ index $ 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "hyperfleet-api.databaseSecret" (index $ 0) | quote }}
      key: {{ . | quote }}
{{- end }}
{{- end }}

{{/* What is mounted as a file of the same name: the URL if there is one, else the password. */}}
{{- define "hyperfleet-api.databaseFile" -}}
{{- with .Values.database.external }}{{ ternary "uri" "password" (and .enabled (ne "" .keys.uri)) }}{{ end }}
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
{{- include "hyperfleet-api.fromDatabaseSecret" (list . "PGHOST" "host") }}
{{- if .Values.database.external.keys.port }}
{{- include "hyperfleet-api.fromDatabaseSecret" (list . "PGPORT" "port") }}
{{- else }}
- name: PGPORT
  value: "5432"
{{- end }}
{{- else }}
- name: PGHOST
  value: {{ include "hyperfleet-api.nameOf" (list . "postgresql") | quote }}
- name: PGPORT
  value: "5432"
{{- end }}
{{- end }}

{{- define "hyperfleet-api.credentialsEnv" -}}
{{- include "hyperfleet-api.fromDatabaseSecret" (list . "PGDATABASE" "name") }}
{{- include "hyperfleet-api.fromDatabaseSecret" (list . "PGUSER" "user") }}
- name: DATABASE_PASSWORD_FILE
  value: /etc/hyperfleet/database/password
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
{{- if eq "uri" (include "hyperfleet-api.databaseFile" .) }}
- name: DATABASE_URL_FILE
  value: /etc/hyperfleet/database/uri
{{- else }}
{{- include "hyperfleet-api.serverEnv" . }}
{{- end }}
- name: PGSSLMODE
  value: {{ include "hyperfleet-api.serverSslMode" . | quote }}
{{- if .Values.database.external.caSecretName }}
- name: PGSSLROOTCERT
  value: /etc/hyperfleet/database-ca/ca.crt
{{- end }}
{{- end }}
{{- if eq "password" (include "hyperfleet-api.databaseFile" .) }}
{{- include "hyperfleet-api.credentialsEnv" . }}
{{- end }}
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
