package docker

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	shareMember = "AAAAAAAAAAAAAAAAAAAAAA"

	acceptRecord, releaseRecord, rejectRecord = 1, 2, 3
)

// talkShare is a share group with one member.
func talkShare(k *talk) {
	k.configureGroup("share.auto.offset.reset", "earliest")
	beat := func(question, id string, epoch int32) {
		k.t.Helper()
		req := kmsg.NewPtrShareGroupHeartbeatRequest()
		req.GroupID, req.MemberID, req.MemberEpoch = k.name, id, epoch
		if epoch == 0 {
			req.SubscribedTopicNames = []string{k.name}
		}
		k.ask(question, req)
	}
	beat("join", shareMember, 0)
	beat("heartbeat of a newer epoch", shareMember, 7)
	beat("heartbeat of an unknown member", "BBBBBBBBBBBBBBBBBBBBBB", 1)

	leader := k.leaderOf(0)
	acquired := func(question string, epoch int32) {
		k.t.Helper()
		// The first fetch may come before the broker knows the partition: only fetches with records are told.
		var resp *kmsg.ShareFetchResponse
		k.await(question, func() bool {
			resp = k.shareFetch(leader, epoch)
			epoch++
			return len(resp.Topics) > 0 && len(resp.Topics[0].Partitions) > 0 && len(resp.Topics[0].Partitions[0].AcquiredRecords) > 0
		})
		k.epoch = epoch
		resp.Topics[0].Partitions[0].Records = nil
		k.note(question, resp)
	}
	acquired("fetch", 0)
	k.acknowledge("acknowledge an offset that is not there", leader, 5, acceptRecord, k.epoch)
	k.epoch++
	k.acknowledge("acknowledge in the wrong session", leader, 0, acceptRecord, k.epoch+5)
	k.acknowledge("release", leader, 0, releaseRecord, k.epoch)
	k.epoch++
	acquired("fetch after the release", k.epoch)
	k.acknowledge("accept", leader, 0, acceptRecord, k.epoch)
	k.epoch++
	k.acknowledge("accept again", leader, 0, acceptRecord, k.epoch)
	beat("leave", shareMember, -1)
	beat("heartbeat after the leave", shareMember, 1)
}

func (k *talk) configureGroup(name, value string) {
	k.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	group := kmsg.NewIncrementalAlterConfigsRequestResource()
	group.ResourceType, group.ResourceName = kmsg.ConfigResourceTypeGroupConfig, k.name
	one := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	one.Name, one.Value = name, &value
	group.Configs = append(group.Configs, one)
	req.Resources = append(req.Resources, group)
	resp, err := req.RequestWith(k.ctx, k.client)
	if err != nil || resp.Resources[0].ErrorCode != 0 {
		k.t.Fatalf("configure group: %v %+v", err, resp)
	}
}

func (k *talk) leaderOf(partition int32) int32 {
	k.t.Helper()
	topics, err := kadm.NewClient(k.client).ListTopics(k.ctx, k.name)
	if err != nil {
		k.t.Fatal(err)
	}
	return topics[k.name].Partitions[partition].Leader
}

func (k *talk) shareFetch(node, epoch int32) *kmsg.ShareFetchResponse {
	k.t.Helper()
	req := kmsg.NewPtrShareFetchRequest()
	req.GroupID, req.MemberID, req.ShareSessionEpoch = pointer(k.name), pointer(shareMember), epoch
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.MaxRecords, req.BatchSize = 500, 1, 1<<20, 10, 10
	if epoch == 0 {
		of, one := kmsg.NewShareFetchRequestTopic(), kmsg.NewShareFetchRequestTopicPartition()
		of.TopicID = k.topicID
		of.Partitions = append(of.Partitions, one)
		req.Topics = append(req.Topics, of)
	}
	resp, err := k.client.Broker(int(node)).Request(k.ctx, req)
	if err != nil {
		k.t.Fatal(err)
	}
	return resp.(*kmsg.ShareFetchResponse)
}

func (k *talk) acknowledge(question string, node int32, offset int64, how int8, epoch int32) {
	k.t.Helper()
	req := kmsg.NewPtrShareAcknowledgeRequest()
	req.GroupID, req.MemberID, req.ShareSessionEpoch = pointer(k.name), pointer(shareMember), epoch
	of, one := kmsg.NewShareAcknowledgeRequestTopic(), kmsg.NewShareAcknowledgeRequestTopicPartition()
	of.TopicID = k.topicID
	batch := kmsg.NewShareAcknowledgeRequestTopicPartitionAcknowledgementBatch()
	batch.FirstOffset, batch.LastOffset, batch.AcknowledgeTypes = offset, offset, []int8{how}
	one.AcknowledgementBatches = append(one.AcknowledgementBatches, batch)
	of.Partitions = append(of.Partitions, one)
	req.Topics = append(req.Topics, of)
	resp, err := k.client.Broker(int(node)).Request(k.ctx, req)
	if err != nil {
		k.t.Fatal(err)
	}
	k.note(question, resp)
}

// talkTransaction is a transaction that commits offsets, and what a fenced producer is told.
func talkTransaction(k *talk) {
	begin := func(question string) (id int64, epoch int16) {
		k.t.Helper()
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &k.name, 60_000, -1, -1
		var resp *kmsg.InitProducerIDResponse
		k.await(question, func() bool { // Kafka may still be ending the transaction before
			got, err := req.RequestWith(k.ctx, k.client)
			resp = got
			return err == nil && got.ErrorCode != kerr.ConcurrentTransactions.Code
		})
		k.note(question, resp)
		return resp.ProducerID, resp.ProducerEpoch
	}
	k.commit("commit outside a transaction", "", -1, 3, "outside")
	id, epoch := begin("init")
	commit := func(question string, epoch int16, partition int32, metadata string) {
		k.t.Helper()
		req := kmsg.NewPtrTxnOffsetCommitRequest()
		req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = k.name, k.name, id, epoch, -1
		of, one := kmsg.NewTxnOffsetCommitRequestTopic(), kmsg.NewTxnOffsetCommitRequestTopicPartition()
		of.Topic, of.TopicID = k.name, k.topicID
		one.Partition, one.Offset, one.Metadata = partition, 1, &metadata
		of.Partitions = append(of.Partitions, one)
		req.Topics = append(req.Topics, of)
		k.ask(question, req)
	}
	end := func(question string, epoch int16, commits bool) {
		k.t.Helper()
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = k.name, id, epoch, commits
		k.ask(question, req)
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = k.name, id, epoch, k.name
	k.ask("add offsets", add)
	commit("commit", epoch, 0, "m")
	commit("commit with 4,097 units of metadata", epoch, 1, strings.Repeat("ä", 4097))
	commit("commit of a partition that does not exist", epoch, 9, "")
	commit("commit of a newer epoch", epoch+5, 2, "")
	k.fetchCommits("stable commits while it is open", nil, -1, true)
	k.fetchCommits("commits while it is open", nil, -1, false)
	end("end", epoch, true)
	begin("init again") // once that is done, so is the end
	k.fetchCommits("commits after the end", nil, -1, false)
	commit("commit of a fenced producer", epoch, 2, "")
	end("end of a fenced producer", epoch, true)
	k.fetchCommits("commits at the end", nil, -1, false)
}
