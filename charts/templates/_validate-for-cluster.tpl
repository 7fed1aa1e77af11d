{{/* Refuses what a cluster would refuse, or accept and never run, and says what to do about it. */}}
{{- define "hyperfleet-api.validateForCluster" -}}
{{- $service := .Values.service }}

{{- $taken := list "api" "migrate" }}
{{- range concat (default list .Values.nativeSidecars) (default list .Values.sidecars) }}
{{- if has .name $taken }}
{{- fail (printf "\n\nsidecars and nativeSidecars: %s is the name of another container of the pod, where api and migrate are those of the chart. Choose another name.\n" .name) }}
{{- end }}
{{- $taken = append $taken .name }}
{{- end }}

{{- if and .Values.nativeSidecars (semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail (printf "\n\nnativeSidecars needs Kubernetes 1.29 or newer, and this is %s: an older one would wait for them to end and never start the API. Use sidecars.\n" .Capabilities.KubeVersion.Version) }}
{{- end }}

{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "\n\ningress.enabled needs ingress.hosts: the names under which clients call the API, e.g.\n  --set 'ingress.hosts[0].host=api.example.com'\n" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "\n\nhttpRoute.enabled needs httpRoute.parentRefs: the Gateways that serve the route, e.g.\n  --set 'httpRoute.parentRefs[0].name=GATEWAY'\n" }}
{{- end }}

{{- if and $service.loadBalancerClass (ne $service.type "LoadBalancer") }}
{{- fail (printf "\n\nservice.loadBalancerClass is set, but service.type is %s. Either\n  - ask for a load balancer:  --set service.type=LoadBalancer\n  - or leave the class out:   --set service.loadBalancerClass=''\n" $service.type) }}
{{- end }}
{{- if and (gt (len (default list $service.ipFamilies)) 1) (not (has $service.ipFamilyPolicy (list "PreferDualStack" "RequireDualStack"))) }}
{{- fail "\n\nservice.ipFamilies has two families, which a service gets only with two stacks. Either\n  - ask for both:  --set service.ipFamilyPolicy=PreferDualStack\n  - or name one:   --set 'service.ipFamilies={IPv6}'\n" }}
{{- end }}

{{- with .Values.podDisruptionBudget }}
{{- if and .minAvailable .maxUnavailable }}
{{- fail "\n\npodDisruptionBudget has minAvailable and maxUnavailable, but takes one of them. Unset the other:\n  --set podDisruptionBudget.minAvailable=null\n  --set podDisruptionBudget.maxUnavailable=null\n" }}
{{- end }}
{{- $pods := int (ternary $.Values.autoscaling.minReplicas $.Values.replicaCount $.Values.autoscaling.enabled) }}
{{- if and .enabled .minAvailable (not (kindIs "string" .minAvailable)) (gt $pods 0) }}
{{- if ge (int .minAvailable) $pods }}
{{- fail (printf "\n\npodDisruptionBudget.minAvailable is %d, and there may be no more than %d pods: none could be evicted, so the drain of a node would never end. Run more pods, or use maxUnavailable.\n" (int .minAvailable) $pods) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
