package oracle

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// podMembers are the member ids of each incarnation, in the order of their first events.
type podMembers map[ledger.Owner][]uint64

// describeMember tells the clients of one pod apart. It is empty for the pod's first member.
func (m podMembers) describeMember(e *ledger.Event) string {
	if e.Member == 0 || e.Owner == 0 || e.Kind != ledger.EventOwned && e.Kind != ledger.EventCommit {
		return ""
	}
	n := slices.Index(m[e.Owner], e.Member)
	if n < 0 {
		n, m[e.Owner] = len(m[e.Owner]), append(m[e.Owner], e.Member)
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (as member %d)", n+1)
}
