{{/* Configuration is mounted as directories: only so do the files change when the ConfigMap does. */}}
{{- define "hyperfleet-api.configVolumes" -}}
{{- if .Values.provider.schema }}
- name: provider-schema
  configMap:
    name: {{ include "hyperfleet-api.nameOf" (list . "schema") | quote }}
{{- end }}
{{- if .Values.kinds }}
- name: kinds
  configMap:
    name: {{ include "hyperfleet-api.nameOf" (list . "kinds") | quote }}
{{- end }}
{{- if include "hyperfleet-api.jwksContent" . }}
- name: jwks
  configMap:
    name: {{ include "hyperfleet-api.nameOf" (list . "jwks") | quote }}
{{- end }}
{{- if .Values.auth.issuers }}
- name: issuers
  configMap:
    name: {{ include "hyperfleet-api.nameOf" (list . "issuers") | quote }}
{{- end }}
{{- if .Values.auth.enableAuthz }}
- name: authz-rules
  configMap:
    name: {{ include "hyperfleet-api.nameOf" (list . "authz") | quote }}
{{- end }}
{{- if .Values.tls.enabled }}
- name: tls
  secret:
    secretName: {{ .Values.tls.secretName | quote }}
{{- end }}
{{- end }}

{{- define "hyperfleet-api.configMounts" -}}
{{- if .Values.provider.schema }}
- name: provider-schema
  mountPath: /etc/hyperfleet/schemas
  readOnly: true
{{- end }}
{{- if .Values.kinds }}
- name: kinds
  mountPath: /etc/hyperfleet/kinds
  readOnly: true
{{- end }}
{{- if include "hyperfleet-api.jwksContent" . }}
- name: jwks
  mountPath: /etc/hyperfleet/jwks
  readOnly: true
{{- end }}
{{- if .Values.auth.issuers }}
- name: issuers
  mountPath: /etc/hyperfleet/issuers
  readOnly: true
{{- end }}
{{- if .Values.auth.enableAuthz }}
- name: authz-rules
  mountPath: /etc/hyperfleet/authz
  readOnly: true
{{- end }}
{{- if .Values.tls.enabled }}
- name: tls
  mountPath: /etc/hyperfleet/tls
  readOnly: true
{{- end }}
{{- end }}

{{/* The password of the database, or its URL. A file, because a variable would keep its first value. */}}
{{- define "hyperfleet-api.databaseVolume" -}}
{{- $file := include "hyperfleet-api.databaseFile" . }}
- name: database
  secret:
    secretName: {{ include "hyperfleet-api.databaseSecret" . | quote }}
    items:
      - key: {{ include "hyperfleet-api.databaseKey" (list . $file) | quote }}
        path: {{ $file }}
{{- end }}

{{- define "hyperfleet-api.databaseMount" -}}
- name: database
  mountPath: /etc/hyperfleet/database
  readOnly: true
{{- end }}

{{/* The JWKS itself, when auth.jwksFile is not the path of a mounted file. */}}
{{- define "hyperfleet-api.jwksContent" -}}
{{- if and .Values.auth.enableJwt (not (hasPrefix "/" .Values.auth.jwksFile)) }}{{ .Values.auth.jwksFile }}{{ end }}
{{- end }}

{{- define "hyperfleet-api.caVolume" -}}
{{- with include "hyperfleet-api.caSecret" . }}
- name: database-ca
  secret:
    secretName: {{ . | quote }}
    # Operators keep the private key of the authority beside it.
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}

{{- define "hyperfleet-api.caMount" -}}
{{- if include "hyperfleet-api.caSecret" . }}
- name: database-ca
  mountPath: /etc/hyperfleet/database-ca
  readOnly: true
{{- end }}
{{- end }}
