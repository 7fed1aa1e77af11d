#!/bin/sh
# Puts what the chart's test needs where it looks for it: helm, kubectl-validate (checks manifests against
# Kubernetes' own schemas, without a cluster) and the definitions of the Prometheus operator and the Gateway API.
# Needs Go. Everything lands in artifacts/, which git ignores.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
export GOBIN="$here/artifacts/tools"
go install helm.sh/helm/v3/cmd/helm@v3.22.0
go install sigs.k8s.io/kubectl-validate@v0.0.4
gateway=sigs.k8s.io/gateway-api@v1.3.0
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
go mod download "$gateway" "$operator"
mkdir -p "$here/artifacts/crds"
for kind in prometheusrules servicemonitors; do
  cp "$(go env GOMODCACHE)/$operator/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" \
    "$here/artifacts/crds/"
done
cp "$(go env GOMODCACHE)/$gateway/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml" \
  "$here/artifacts/crds/"
chmod -R u+w "$here/artifacts/crds"
