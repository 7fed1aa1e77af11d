// Calls a service through the client that oapi-codegen made: the test puts both into one directory.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
)

func main() {
	ctx := context.Background()
	client, err := NewClientWithResponses(os.Args[1])
	check(err, true, nil)

	created, err := client.PostClusterWithResponse(ctx, PostClusterJSONRequestBody{
		Name: os.Args[2],
		Spec: ClusterSpec{"nodes": 3},
	})
	check(err, created.JSON201 != nil, created.Body)
	id := *created.JSON201.Id

	pool, err := client.CreateNodePoolWithResponse(ctx, id, CreateNodePoolJSONRequestBody{
		Name: "workers",
		Spec: NodePoolSpec{"replicas": 2},
	})
	check(err, pool.JSON201 != nil && *pool.JSON201.OwnerReferences.Id == id, pool.Body)

	reported, err := client.PostClusterStatusesWithResponse(ctx, id, PostClusterStatusesJSONRequestBody{
		Adapter:            "dns",
		ObservedGeneration: created.JSON201.Generation,
		Conditions:         []ConditionRequest{{Type: "Available", Status: True}, {Type: "Applied", Status: True}, {Type: "Health", Status: True}},
	})
	check(err, reported.JSON201 != nil, reported.Body)

	search, orderBy := "name = '"+os.Args[2]+"'", "deleted_time desc"
	list, err := client.GetClustersWithResponse(ctx, &GetClustersParams{Search: &search, OrderBy: &orderBy})
	check(err, list.JSON200 != nil && list.JSON200.Total == 1, list.Body)

	watch(ctx, client, search)

	missing, err := client.GetClusterByIdWithResponse(ctx, "none", nil)
	check(err, missing.ApplicationproblemJSON404 != nil, missing.Body)

	contract, err := client.GetOpenapiWithResponse(ctx)
	check(err, contract.JSON200 != nil && contract.JSON200.Openapi == "3.0.3", contract.Body)

	further(ctx, client)
	for _, condition := range list.JSON200.Items[0].Status.Conditions {
		fmt.Println(condition.Type, condition.Status)
	}
}

// A stream is read from the response itself: what is generated for responses reads them to their end.
func watch(ctx context.Context, client *ClientWithResponses, search string) {
	follow := true
	response, err := client.GetClusters(ctx, &GetClustersParams{Watch: &follow, Search: &search})
	check(err, response != nil && response.StatusCode == 200, nil)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if event, found := strings.CutPrefix(lines.Text(), "event: "); found {
			fmt.Println("event", event)
			if event == "synced" {
				return
			}
		}
	}
	check(lines.Err(), false, []byte("the stream ended"))
}

// Replaced by kinds.go, where the contract has declared kinds.
var further = func(context.Context, *ClientWithResponses) {}

func check(err error, ok bool, body []byte) {
	if err != nil || !ok {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, body)
		os.Exit(1)
	}
}
