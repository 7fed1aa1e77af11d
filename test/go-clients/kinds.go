// What a client can do with declared kinds: a channel, and a version of it.
package main

import (
	"context"
	"os"
)

func init() {
	further = func(ctx context.Context, client *ClientWithResponses) {
		channel, err := client.PostChannelWithResponse(ctx, PostChannelJSONRequestBody{
			Name: os.Args[2],
			Spec: ChannelSpec{"stable": true},
		})
		check(err, channel.JSON201 != nil, channel.Body)
		id := *channel.JSON201.Id

		version, err := client.CreateVersionWithResponse(ctx, id, CreateVersionJSONRequestBody{
			Name:       "v1",
			Spec:       VersionSpec{},
			References: &References{"predecessor": []ResourceReference{}},
		})
		check(err, version.JSON201 != nil && *version.JSON201.OwnerReferences.Id == id, version.Body)

		found, err := client.GetVersionWithResponse(ctx, *version.JSON201.Id, nil)
		check(err, found.JSON200 != nil && found.JSON200.Name == "v1", found.Body)

		list, err := client.GetVersionsByChannelIdWithResponse(ctx, id, nil)
		check(err, list.JSON200 != nil && list.JSON200.Total == 1, list.Body)

		configs, err := client.GetWifConfigsWithResponse(ctx, nil)
		check(err, configs.JSON200 != nil, configs.Body)
	}
}
