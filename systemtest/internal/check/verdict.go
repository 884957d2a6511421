package check

import "fmt"

// Verdict is what one trial of a fault came to. Every field but Repeated must be 0.
type Verdict struct {
	// Lost counts events acknowledged to the sender and never handled, or never found where nothing handles them.
	Lost int `json:"lost"`
	// Doubled counts copies in the topic beyond the first.
	Doubled int `json:"doubled"`
	// Reordered counts events that came, in the topic or to a handler, after a later one of their key.
	Reordered int `json:"reordered"`
	// FalseOK counts answers that proved untrue: acknowledged and not in the topic, reported as not written and there
	// all the same, a bad event taken for a good one.
	FalseOK int `json:"false_ok"`
	// TwoOwners counts handlers that began while another worker's ran in the same partition, or any for the same key.
	TwoOwners int `json:"two_owners"`
	// WentBack counts committed offsets that became smaller.
	WentBack int `json:"went_back"`
	// Leaks counts goroutines and connections left when everything was closed.
	Leaks int `json:"leaks"`
	// Repeated counts events handled again: what at-least-once allows after a crash, bounded by the trial itself.
	Repeated int `json:"repeated"`
}

// Clean reports whether nothing is wrong.
func (v Verdict) Clean() bool {
	v.Repeated = 0
	return v == Verdict{}
}

// Written adds what a log of the topic's records says.
func (v *Verdict) Written(r Report) {
	v.FalseOK += r.Lost + r.Phantom + r.Strangers
	v.Doubled += r.Doubled
	v.Reordered += r.Reordered
}

// Handled adds what a log of handled events says.
func (v *Verdict) Handled(r Report) {
	v.Lost += r.Lost
	v.FalseOK += r.Strangers
	v.Repeated += r.Doubled
	v.Reordered += r.Reordered
}

// String is one line of figures.
func (v Verdict) String() string {
	return fmt.Sprintf("lost %d, doubled %d, reordered %d, false ok %d, two owners %d, went back %d, leaks %d, handled again %d",
		v.Lost, v.Doubled, v.Reordered, v.FalseOK, v.TwoOwners, v.WentBack, v.Leaks, v.Repeated)
}
