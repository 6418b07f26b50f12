package harness

// DeadLetterPolicy is what founds a dead letter of a consumer: after what it may give a record
// up. A dead letter that comes sooner is unfounded.
type DeadLetterPolicy struct {
	// Attempts is how many attempts on the record must have ended in error, whoever made
	// them and at whichever of its places. 0 stands for 1. One that ended in [ErrPoison]
	// is enough.
	Attempts int `json:"attempts,omitempty"`
	// Cancelled: one attempt that was cancelled is enough too, as of a design that gives
	// up what holds others up.
	Cancelled bool `json:"cancelled,omitempty"`
}

// MinAttempts is how many attempts must have ended in error, at least 1.
func (l DeadLetterPolicy) MinAttempts() int { return max(l.Attempts, 1) }

// DeadLetterPolicyOf is what founds a dead letter of the implementation under cfg.
func (i *Implementation) DeadLetterPolicyOf(cfg Config) DeadLetterPolicy {
	if i.DeadLetters == nil {
		return DeadLetterPolicy{}
	}
	return i.DeadLetters(cfg)
}
