package docker

import "testing"

// What is asked by the id of a deleted topic is no matter of the topic that has its name now.
func TestAnIDDiesWithItsTopic(t *testing.T) {
	var s sights
	old, now := [16]byte{1}, [16]byte{2}
	for _, id := range [][16]byte{old, old, now, old} { // the last answer is of a broker that does not know yet
		s.noteTopic("source", id)
	}
	if is, was := s.topicName("", now), s.topicName("", old); is != "source" || was != "" {
		t.Errorf("%q and %q, want the source and none", is, was)
	}
}
