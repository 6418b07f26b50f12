package harness

// Letters is what founds a dead letter of a consumer: after what it may give a record
// up. A dead letter that comes sooner is unfounded.
type Letters struct {
	// Tries is how many attempts on the record must have ended in error, whoever made
	// them and at whichever of its places. 0 stands for 1. One that ended in [ErrPoison]
	// is enough.
	Tries int `json:"tries,omitempty"`
	// Cancelled: one attempt that was cancelled is enough too, as of a design that gives
	// up what holds others up.
	Cancelled bool `json:"cancelled,omitempty"`
}

// Least is how many attempts must have ended in error, at least 1.
func (l Letters) Least() int { return max(l.Tries, 1) }

// LettersOf is what founds a dead letter of the implementation under cfg.
func (i *Implementation) LettersOf(cfg Config) Letters {
	if i.Letters == nil {
		return Letters{}
	}
	return i.Letters(cfg)
}
