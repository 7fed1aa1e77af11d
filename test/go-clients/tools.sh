#!/bin/sh
# Installs what the test of the Go clients needs: the releases of oapi-codegen that our users have, and the modules that
# their code imports. Needs Go. The generators land in artifacts/, which git ignores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
(cd "$here" && go mod download)
for version in 2.5.1 2.7.2 2.8.2; do
  GOBIN="$here/../../artifacts/tools/oapi-codegen-$version" \
    go install "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v$version"
done
