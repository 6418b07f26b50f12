package fault

import (
	"errors"

	"github.com/stampede-bench/stampede/harness"
)

// keyUsers say why a consumer never sends requests of a key. All consumers send those of
// other keys, as far as the harness knows.
var keyUsers = map[int16]func(*harness.Implementation, harness.Protocol) error{
	OffsetCommit:           checkCommits,
	OffsetFetch:            checkGroupMember,
	Produce:                checkProduces,
	joinGroup:              checkClassic,
	Heartbeat:              checkClassic,
	leaveGroup:             checkClassic,
	syncGroup:              checkClassic,
	addOffsetsToTxn:        checkTransactions,
	endTxn:                 checkTransactions,
	TxnOffsetCommit:        checkTransactions,
	consumerGroupHeartbeat: checkServer,
	shareGroupHeartbeat:    checkShare,
	shareFetch:             checkShare,
	shareAcknowledge:       checkShare,
}

// checkKeyUser returns why a consumer never sends requests of a key, or nil.
func checkKeyUser(key int16, i *harness.Implementation, p harness.Protocol) error {
	if check := keyUsers[key]; check != nil {
		return check(i, p)
	}
	return nil
}

func checkGroupMember(i *harness.Implementation, _ harness.Protocol) error {
	if i.Share {
		return errors.New("a share group has no commits and assigns no partitions")
	}
	return nil
}

func checkProduces(i *harness.Implementation, _ harness.Protocol) error {
	if len(i.SideTopicsOf(harness.Config{})) == 0 {
		return errors.New("the consumer produces nothing")
	}
	return nil
}

func checkCommits(i *harness.Implementation, p harness.Protocol) error {
	if i.Effect == harness.EffectOutput {
		return errors.New("the consumer commits inside its transactions")
	}
	return checkGroupMember(i, p)
}

func checkClassic(i *harness.Implementation, p harness.Protocol) error {
	if p == harness.Server {
		return errors.New("a group of KIP-848 has no classic members")
	}
	return checkGroupMember(i, p)
}

func checkServer(i *harness.Implementation, p harness.Protocol) error {
	if i.Share || p != harness.Server {
		return errors.New("the consumer is no member of a KIP-848 group")
	}
	return nil
}

func checkTransactions(i *harness.Implementation, _ harness.Protocol) error {
	if i.Effect != harness.EffectOutput {
		return errors.New("the consumer has no transactions")
	}
	return nil
}

func checkShare(i *harness.Implementation, _ harness.Protocol) error {
	if !i.Share {
		return errors.New("the consumer is no member of a share group")
	}
	return nil
}
