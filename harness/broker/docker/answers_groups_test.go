package docker

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// commit is a commit of offset 1 of a partition.
func (k *talk) commit(question, member string, generation, partition int32, metadata string) {
	k.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = k.name, member, generation
	of := kmsg.NewOffsetCommitRequestTopic()
	of.Topic, of.TopicID = k.name, k.topicID
	one := kmsg.NewOffsetCommitRequestTopicPartition()
	one.Partition, one.Offset, one.Metadata = partition, 1, &metadata
	of.Partitions = append(of.Partitions, one)
	req.Topics = append(req.Topics, of)
	k.ask(question, req)
}

// fetchCommits asks for the commits of all partitions.
func (k *talk) fetchCommits(question string, member *string, epoch int32, stable bool) {
	k.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = stable
	group, of := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	group.Group, group.MemberID, group.MemberEpoch = k.name, member, epoch
	of.Topic, of.TopicID, of.Partitions = k.name, k.topicID, []int32{0, 1, 2, 3}
	group.Topics = append(group.Topics, of)
	req.Groups = append(req.Groups, group)
	k.ask(question, req)
}

func (k *talk) joinRequest(member string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = k.name, member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 30_000, 30_000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	metadata := kmsg.NewConsumerMemberMetadata()
	metadata.Topics = []string{k.name}
	protocol.Metadata = metadata.AppendTo(nil)
	req.Protocols = append(req.Protocols, protocol)
	return req
}

func (k *talk) sync(question, member string, generation int32, members ...string) {
	k.t.Helper()
	k.ask(question, k.syncRequest(member, generation, members...))
}

func (k *talk) syncRequest(member string, generation int32, members ...string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = k.name, member, generation
	req.ProtocolType, req.Protocol = pointer("consumer"), pointer("range")
	for n, id := range members {
		one := kmsg.NewSyncGroupRequestGroupAssignment()
		one.MemberID = id
		assignment := kmsg.NewConsumerMemberAssignment()
		of := kmsg.NewConsumerMemberAssignmentTopic()
		of.Topic, of.Partitions = k.name, []int32{int32(n)}
		assignment.Topics = append(assignment.Topics, of)
		one.MemberAssignment = assignment.AppendTo(nil)
		req.GroupAssignment = append(req.GroupAssignment, one)
	}
	return req
}

func (k *talk) beat(question, member string, generation int32) {
	k.t.Helper()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = k.name, member, generation
	k.ask(question, req)
}

// talkClassic is a group of the classic protocol: what the group takes in each of its states.
func talkClassic(k *talk) {
	first := k.ask("join without an id", k.joinRequest("")).(*kmsg.JoinGroupResponse).MemberID
	k.ask("join", k.joinRequest(first))
	k.commit("commit before the first sync", first, 1, 0, "")
	k.beat("heartbeat before the first sync", first, 1)
	k.sync("sync", first, 1, first)
	k.commit("commit", first, 1, 0, "m")
	k.commit("commit of an older generation", first, 0, 0, "")
	k.commit("commit of a newer generation", first, 2, 0, "")
	k.commit("commit of an unknown member", "stranger", 1, 0, "")
	k.commit("commit without a member", "", -1, 0, "")
	k.commit("commit of a partition that does not exist", first, 1, 9, "")
	k.commit("commit with 4,096 units of metadata", first, 1, 1, strings.Repeat("ä", 4096))
	k.commit("commit with 4,097 units of metadata", first, 1, 2, strings.Repeat("ä", 4097))
	k.fetchCommits("commits", nil, -1, true)
	k.beat("heartbeat", first, 1)
	k.beat("heartbeat of an older generation", first, 0)
	k.beat("heartbeat of an unknown member", "stranger", 1)

	second := k.ask("join of a second member without an id", k.joinRequest("")).(*kmsg.JoinGroupResponse).MemberID
	joined := make(chan kmsg.Response, 1)
	go func() {
		resp, _ := k.second.Request(k.ctx, k.joinRequest(second))
		joined <- resp
	}()
	k.awaitRebalance(first, 1)
	k.beat("heartbeat while the second joins", first, 1)
	k.commit("commit while the second joins", first, 1, 0, "joining")
	k.sync("sync while the second joins", first, 1)
	k.ask("join of the first again", k.joinRequest(first))
	if resp, ok := (<-joined).(*kmsg.JoinGroupResponse); ok {
		k.note("join of the second", resp)
	}
	k.beat("heartbeat after the joins", first, 2)
	k.commit("commit after the joins", first, 2, 0, "")
	k.commit("commit of the generation before, after the joins", first, 1, 0, "")
	k.sync("sync of the leader", first, 2, first, second)
	k.sync("sync of the second", second, 2)
	k.commit("commit after the sync", first, 2, 0, "synced")
	k.commit("commit of a partition of the other", first, 2, 1, "")
	for _, id := range []string{second, first} {
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = k.name
		one := kmsg.NewLeaveGroupRequestMember()
		one.MemberID = id
		leave.Members = append(leave.Members, one)
		k.ask("leave", leave)
	}
	k.commit("commit after the leave", first, 2, 0, "")
	k.commit("commit of no member in an empty group", "", -1, 3, "empty")
	k.fetchCommits("commits at the end", nil, -1, true)
}

// awaitRebalance waits until the group has a JoinGroup.
func (k *talk) awaitRebalance(member string, generation int32) {
	k.t.Helper()
	k.await("a rebalance", func() bool {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.Generation = k.name, member, generation
		resp, err := req.RequestWith(k.ctx, k.client)
		return err == nil && resp.ErrorCode != 0
	})
}

// talkConsumer is a group of KIP-848.
func talkConsumer(k *talk) {
	const member, stranger = "AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBB"
	beat := func(question, id string, epoch int32, owned ...int32) (next int32) {
		k.t.Helper()
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Group, req.MemberID, req.MemberEpoch = k.name, id, epoch
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		if epoch == 0 {
			req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.ServerAssignor = 30_000, []string{k.name}, pointer("uniform")
		} else if len(owned) > 0 {
			of := kmsg.NewConsumerGroupHeartbeatRequestTopic()
			of.TopicID, of.Partitions = k.topicID, owned
			req.Topics = append(req.Topics, of)
		}
		return k.ask(question, req).(*kmsg.ConsumerGroupHeartbeatResponse).MemberEpoch
	}
	epoch := beat("join", member, 0)
	epoch = beat("heartbeat", member, epoch, 0, 1, 2, 3)
	k.commit("commit", member, epoch, 0, "m")
	k.commit("commit of an older epoch", member, epoch-1, 0, "")
	k.commit("commit of a newer epoch", member, epoch+1, 0, "")
	k.commit("commit of an unknown member", stranger, epoch, 0, "")
	k.commit("commit without a member", "", -1, 0, "")
	k.commit("commit of a partition that does not exist", member, epoch, 9, "")
	k.commit("commit with 4,097 units of metadata", member, epoch, 2, strings.Repeat("ä", 4097))
	k.fetchCommits("commits of the member", pointer(member), epoch, true)
	k.fetchCommits("commits of an older epoch", pointer(member), epoch-1, true)
	k.fetchCommits("commits of an unknown member", pointer(stranger), epoch, true)
	beat("heartbeat of an unknown member", stranger, epoch)
	beat("heartbeat of a newer epoch", member, epoch+5)
	beat("leave", member, -1)
	beat("heartbeat after the leave", member, epoch)
	k.commit("commit after the leave", member, epoch, 0, "")
	k.commit("commit of no member in an empty group", "", -1, 3, "empty")
	k.fetchCommits("commits at the end", nil, -1, true)
}
