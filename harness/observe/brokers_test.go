package observe

import "testing"

func TestTopicsGetTheirReplicasAndSettings(t *testing.T) {
	m := inMemoryOn(t, 9092, 9093, 9094)
	for name, want := range map[string]int{"usual": 3, "single": 1} {
		topic := Topic{Name: name, Partitions: 2, Replicas: want % 3, Config: map[string]string{"retention.ms": "12345"}}
		if err := m.CreateTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		info := m.kfake.TopicInfo(name)
		if info.NumReplicas != want || info.Configs["retention.ms"] == nil || *info.Configs["retention.ms"] != "12345" {
			t.Errorf("topic %s has %d replicas, want %d; its settings are %v", name, info.NumReplicas, want, info.Configs)
		}
		other := Client{Topic: name, kgo: m.kgo, adm: m.adm}
		inSync, err := other.InSync(t.Context())
		if err != nil || len(inSync) != 2 || len(inSync[1]) != want {
			t.Errorf("in sync are %v, %v", inSync, err)
		}
	}
}

func TestBrokersOfARunAreFound(t *testing.T) {
	m := inMemory(t)
	if id, err := m.GroupCoordinator(t.Context()); id != 0 || err != nil {
		t.Errorf("the group coordinator is %d, %v", id, err)
	}
	if id, err := m.Controller(t.Context()); id != 0 || err != nil {
		t.Errorf("the controller is %d, %v", id, err)
	}
	if id, err := m.TransactionCoordinator(t.Context()); err == nil {
		t.Errorf("broker %d coordinates transactions, and there are none", id)
	}
	if err := m.AskBroker(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if err := m.AskBroker(t.Context(), 7); err == nil {
		t.Error("a broker that does not exist has answered")
	}
}
