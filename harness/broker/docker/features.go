package docker

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// featuresSetAtStart are the features that a node sets itself when it starts.
var featuresSetAtStart = []string{"metadata.version", "kraft.version"}

// checkFeatures returns nil once every node serves every feature at its highest
// level. A cluster formatted by Kafka's storage tool does so from the start.
// Ours starts with its metadata version alone. It then refuses the KIP-848
// protocol, and clients fall back to the classic protocol without a message.
func (c *cluster) checkFeatures(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	admin := kadm.NewClient(c.client)
	for _, n := range c.nodes {
		raw, err := n.fetchVersions(ctx)
		if err != nil {
			return err
		}
		missing := missingFeatures(raw)
		if len(missing) == 0 {
			continue
		}
		updated, err := admin.UpdateFeatures(ctx, false, missing...)
		if err == nil {
			err = updated.Error()
		}
		if err != nil {
			return fmt.Errorf("raise features: %w", err)
		}
		return fmt.Errorf("node %d does not serve %s yet", n.id, missing[0].Feature)
	}
	return nil
}

// fetchVersions returns what the node can do. It asks the node itself: a client asks the brokers
// that it knows, and a client without topics learns of a broker that came back only after
// minutes (kadm.Client.ApiVersions).
func (n *node) fetchVersions(ctx context.Context) (*kmsg.ApiVersionsResponse, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "stampede", "1"
	resp, err := req.RequestWith(ctx, n.client.SeedBrokers()[0])
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("features of node %d: %w", n.id, err)
	}
	return resp, nil
}

// missingFeatures returns the features that are below their highest level.
func missingFeatures(resp *kmsg.ApiVersionsResponse) (missing []kadm.FeatureUpdate) {
	final := map[string]int16{}
	for _, f := range resp.FinalizedFeatures {
		final[f.Name] = f.MaxVersionLevel
	}
	for _, f := range resp.SupportedFeatures {
		if !slices.Contains(featuresSetAtStart, f.Name) && final[f.Name] < f.MaxVersion {
			missing = append(missing, kadm.FeatureUpdate{Feature: f.Name, MaxVersionLevel: f.MaxVersion, UpgradeType: 1})
		}
	}
	return missing
}
