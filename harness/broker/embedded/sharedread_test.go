package embedded

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// The state changes all the time, and a read takes a while.
func TestReadsAreSharedAndLaterThanTheirCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, readTime = 200, time.Millisecond
		began, reads := time.Now(), 0
		s := newSharedReads(func(string) *kfake.GroupInfo {
			reads++
			at := time.Since(began)
			time.Sleep(readTime)
			return &kfake.GroupInfo{Epoch: int32(at / time.Microsecond)}
		})
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Microsecond)
				called := int32(time.Since(began) / time.Microsecond)
				if info := s.groupInfo("g"); info.Epoch < called {
					t.Errorf("a call at %d us got the state of %d us", called, info.Epoch)
				}
			})
		}
		all.Wait()
		if reads > 5 {
			t.Errorf("%d readers within two reads' time took %d reads", readers, reads)
		}
	})
}
