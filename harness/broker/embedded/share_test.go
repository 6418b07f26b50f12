package embedded_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestConfigureShareGroupReportsEveryRefusal makes one node refuse. The call
// must fail although later nodes agree.
func TestConfigureShareGroupReportsEveryRefusal(t *testing.T) {
	c := start(t, 1)
	c.Kfake().ControlKey(int16(kmsg.IncrementalAlterConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		resp := r.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, code := range []int16{kerr.InvalidConfig.Code, 0} {
			one := kmsg.NewIncrementalAlterConfigsResponseResource()
			one.ErrorCode = code
			resp.Resources = append(resp.Resources, one)
		}
		return resp, nil, true
	})
	if err := c.ConfigureShareGroup(within(t), group, time.Second, 5); !errors.Is(err, kerr.InvalidConfig) {
		t.Errorf("error %v, want that of the first", err)
	}
}
