package docker

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// settledByStart are the features that a node settles by itself as it starts.
var settledByStart = []string{"metadata.version", "kraft.version"}

// featured is nil once every node serves every feature that it can at its
// highest level, as a cluster does whose storage was formatted by Kafka's own
// tool. Ours is not: it starts with none but its metadata version, and then
// refuses the KIP-848 protocol, from which clients fall back to the classic one
// without a word.
func (c *cluster) featured(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	admin := kadm.NewClient(c.client)
	versions, err := admin.ApiVersions(ctx)
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	for _, n := range c.nodes {
		v := versions[n.id]
		if v.Err != nil {
			return fmt.Errorf("features of node %d: %w", n.id, v.Err)
		}
		missing := missingFeatures(v.Raw())
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

// missingFeatures are what is not at its highest level.
func missingFeatures(resp *kmsg.ApiVersionsResponse) (missing []kadm.FeatureUpdate) {
	final := map[string]int16{}
	for _, f := range resp.FinalizedFeatures {
		final[f.Name] = f.MaxVersionLevel
	}
	for _, f := range resp.SupportedFeatures {
		if !slices.Contains(settledByStart, f.Name) && final[f.Name] < f.MaxVersion {
			missing = append(missing, kadm.FeatureUpdate{Feature: f.Name, MaxVersionLevel: f.MaxVersion, UpgradeType: 1})
		}
	}
	return missing
}
