{{/* Refuses what could be installed but would not work, and says what to do about it. */}}
{{- define "hyperfleet-api.validate" -}}
{{- $auth := .Values.auth }}
{{- $db := .Values.database }}

{{- if and $db.postgresql.enabled $db.external.enabled }}
{{- fail "\n\nTwo databases are enabled; choose one:\n  - the external one:  --set database.postgresql.enabled=false\n  - the built-in one:  --set database.external.enabled=false\n" }}
{{- end }}
{{- if not (or $db.postgresql.enabled $db.external.enabled) }}
{{- fail "\n\nNo database is enabled; choose one:\n  - built-in, for development:  --set database.postgresql.enabled=true\n  - your own:                   --set database.external.enabled=true --set database.external.secretName=NAME\n" }}
{{- end }}
{{- if and $db.external.enabled (not $db.external.secretName) }}
{{- fail "\n\ndatabase.external.enabled needs database.external.secretName: a secret with the keys db.host, db.port, db.name, db.user and db.password, or others that database.external.keys names, e.g.\n  kubectl create secret generic hyperfleet-db-external --from-literal=db.host=HOST --from-literal=db.port=5432 --from-literal=db.name=hyperfleet --from-literal=db.user=hyperfleet --from-literal=db.password=PASSWORD\n  --set database.external.secretName=hyperfleet-db-external\n" }}
{{- end }}
{{- $defaults := include "hyperfleet-api.defaults" . | fromYaml }}
{{- range list "caSecretName" "sslMode" }}
{{- if and (ne (index $db.external .) (index $defaults.database.external .)) (not $db.external.enabled) }}
{{- fail (printf "\n\ndatabase.external.%s is set, but the external database is not enabled. Enable it, or leave %s out.\n" . .) }}
{{- end }}
{{- end }}

{{- if and $db.external.enabled $db.external.keys.uri .Values.pgbouncer.enabled }}
{{- fail "\n\nPgBouncer needs the parts of the address, and not database.external.keys.uri. Name the keys of the parts instead:\n  --set database.external.keys.uri='' --set database.external.keys.host=KEY …\n" }}
{{- end }}

{{- $tls := .Values.tls }}
{{- if and $tls.enabled (not $tls.secretName) }}
{{- fail "\n\ntls.enabled needs tls.secretName: a secret of the type kubernetes.io/tls, e.g.\n  kubectl create secret tls hyperfleet-api-tls --cert=tls.crt --key=tls.key\n  --set tls.secretName=hyperfleet-api-tls\n" }}
{{- end }}
{{- if and (or $tls.secretName $tls.health $tls.metrics) (not $tls.enabled) }}
{{- fail "\n\ntls.secretName, tls.health or tls.metrics is set, but tls.enabled is off, so nothing would be encrypted. Turn it on, or leave the others out.\n" }}
{{- end }}
{{- with .Values.monitoring }}
{{- if and $tls.metrics (or (and .serviceMonitor.enabled (not .serviceMonitor.tlsConfig)) (and .podMonitoring.enabled (not .podMonitoring.tls))) }}
{{- fail "\n\ntls.metrics needs to know how scrapes check the certificate, because they ask pods by address. In a values file:\n  monitoring:\n    serviceMonitor:\n      tlsConfig: {serverName: NAME-IN-THE-CERTIFICATE, ca: {secret: {name: SECRET, key: ca.crt}}}\n  or podMonitoring.tls in the same way\n" }}
{{- end }}
{{- end }}

{{- if and $auth.enableAuthz (not $auth.enableJwt) }}
{{- fail "\n\nauth.enableAuthz needs auth.enableJwt: without a token nobody is known, so nobody could be authorized. Either\n  - keep tokens on:          --set auth.enableJwt=true\n  - or turn both checks off: --set auth.enableJwt=false --set auth.enableAuthz=false  (everyone who reaches the service may do everything)\n" }}
{{- end }}
{{- if and $auth.issuers (not $auth.enableJwt) }}
{{- fail "\n\nauth.issuers are given, but auth.enableJwt is off, so nothing would ask for their tokens. Turn it on, or leave them out.\n" }}
{{- end }}
{{- if $auth.issuers }}
{{- range list "jwksUrl" "jwksFile" "issuer" "audience" "identityClaim" }}
{{- if and (index $auth .) (ne (index $auth .) (index $defaults.auth .)) }}
{{- fail (printf "\n\nauth.issuers replace auth.%s. Leave it out, and describe its issuer by an entry of auth.issuers.\n" .) }}
{{- end }}
{{- end }}
{{- else if $auth.enableJwt }}
{{- if not (or $auth.jwksUrl $auth.jwksFile) }}
{{- fail "\n\nauth.enableJwt needs a source of keys; give at least one:\n  - published keys:      --set auth.jwksUrl=https://ISSUER/…/certs\n  - keys in a file:      --set-file auth.jwksFile=jwks.json\n  - a mounted file:      --set auth.jwksFile=/PATH/jwks.json with extraVolumes and extraVolumeMounts\n  - or no tokens at all: --set auth.enableJwt=false --set auth.enableAuthz=false\n" }}
{{- end }}
{{- if not (and $auth.issuer $auth.audience) }}
{{- fail "\n\nauth.enableJwt needs auth.issuer and auth.audience. Give the values your tokens carry, or * to accept any:\n  --set auth.issuer=https://ISSUER --set auth.audience='*'\n" }}
{{- end }}
{{- if and $auth.jwksFile (not (hasPrefix "/" $auth.jwksFile)) }}
{{- if not (kindIs "slice" (get ($auth.jwksFile | fromJson) "keys")) }}
{{- fail "\n\nauth.jwksFile is neither a JWKS (JSON with a list of keys) nor a path in the container, which begins with /. To pass the file's content:\n  --set-file auth.jwksFile=jwks.json\n" }}
{{- end }}
{{- end }}
{{- else if $auth.rules }}
{{- fail "\n\nauth.rules are given, but auth.enableJwt is off, so they would protect nothing. Turn it on, or leave the rules out.\n" }}
{{- end }}
{{- if and $auth.rules (not $auth.enableAuthz) }}
{{- fail "\n\nauth.rules are given, but auth.enableAuthz is off, so they would protect nothing. Turn it on, or leave the rules out.\n" }}
{{- end }}

{{- if .Values.provider.schema }}
{{- if gt (len .Values.provider.schema) 1000000 }}
{{- fail "\n\nprovider.schema is over 1 MB, more than a ConfigMap holds. Put it on a volume with extraVolumes; and name it in OPENAPI_SCHEMA_PATH with extraEnv.\n" }}
{{- end }}
{{- if not (hasKey (.Values.provider.schema | fromYaml) "openapi") }}
{{- fail "\n\nprovider.schema is not an OpenAPI document (no member openapi). To pass the file's content and not its name:\n  --set-file provider.schema=gcp-schema.yaml\n" }}
{{- end }}
{{- end }}

{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "\n\nautoscaling.minReplicas is above autoscaling.maxReplicas.\n" }}
{{- end }}

{{- /* With one of these, the service would not know which password counts. */}}
{{- $own := list "PGPASSWORD" "DATABASE_URL" }}
{{- range include "hyperfleet-api.env" . | fromYamlArray }}
{{- $own = append $own .name }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if has .name $own }}
{{- fail (printf "\n\nextraEnv sets %s, which the chart sets from its values: see charts/README.md for the value to use.\n" .name) }}
{{- end }}
{{- end }}
{{- end }}
