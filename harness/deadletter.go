package harness

// DeadLetterPolicy says after how many failed attempts a consumer may dead-letter
// a record. A dead letter that comes sooner is premature. The zero value asks for
// one failed attempt.
type DeadLetterPolicy struct {
	// Attempts is how many attempts on the record must have ended in error, in any
	// pod and in any of its topics. 0 stands for 1. One attempt that ended in
	// [ErrPoison] is always enough.
	Attempts int `json:"attempts,omitempty"`
	// Cancelled says that one cancelled attempt is enough too, for a design that
	// gives up a record that blocks others.
	Cancelled bool `json:"cancelled,omitempty"`
}

// MinAttempts is how many attempts must have ended in error, at least 1.
func (p DeadLetterPolicy) MinAttempts() int { return max(p.Attempts, 1) }

// DeadLetterPolicyOf is the policy of the implementation under cfg.
func (i *Implementation) DeadLetterPolicyOf(cfg Config) DeadLetterPolicy {
	if i.DeadLetters == nil {
		return DeadLetterPolicy{}
	}
	return i.DeadLetters(cfg)
}
