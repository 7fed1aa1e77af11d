#!/bin/sh
# Puts what the chart's test needs where it looks for it: helm, kubectl-validate (checks manifests against
# Kubernetes' own schemas, without a cluster) and the definitions of the Prometheus operator.
# Needs Go. Everything lands in artifacts/, which git ignores.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
export GOBIN="$here/artifacts/tools"
go install helm.sh/helm/v3/cmd/helm@v3.22.0
go install sigs.k8s.io/kubectl-validate@v0.0.4
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
go mod download "$operator"
mkdir -p "$here/artifacts/crds"
for kind in prometheusrules servicemonitors; do
  cp "$(go env GOMODCACHE)/$operator/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" \
    "$here/artifacts/crds/"
done
chmod -R u+w "$here/artifacts/crds"
