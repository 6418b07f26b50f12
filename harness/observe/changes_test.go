package observe

import "testing"

// Kafka writes a group down as a generation begins. So the last time at which an expelled member was
// surely one may lie long before, next to a departure of the member that the pod had been before.
func TestDepartureExplainsTheEndOfItsOwnMemberOnly(t *testing.T) {
	const session = 30
	gone := Expulsion{Owner: 1, Earliest: 150, Seen: 160, Member: 110, MemberID: "m2"}
	for name, c := range map[string]struct {
		by   Departure
		want bool
	}{
		"its own departure":               {Departure{Owner: 1, At: 150, MemberID: "m2"}, true},
		"its own, named by its instance":  {Departure{Owner: 1, At: 150}, true},
		"before a plan that still had it": {Departure{Owner: 1, At: 90, MemberID: "m2"}, true},
		"of the member before":            {Departure{Owner: 1, At: 100, MemberID: "m1"}, false},
		"of another pod":                  {Departure{Owner: 2, At: 150, MemberID: "m2"}, false},
		"of another group":                {Departure{Owner: 1, At: 150, Group: 7, MemberID: "m2"}, false},
		"after it was seen to be gone":    {Departure{Owner: 1, At: 170, MemberID: "m2"}, false},
		"more than a session before":      {Departure{Owner: 1, At: 70, MemberID: "m2"}, false},
	} {
		if got := c.by.Explains(gone, session); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
