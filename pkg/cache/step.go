package cache

// step is a stage of the line by which a token is had. They are told at the
// debug level, and they are the steps of the model that walks every
// interleaving of processes.
type step string

// The steps, in their order: those of who wants a token, then those of who
// spends for it under the spending lock.
const (
	stepLoad      step = "load"             // what is kept
	stepRecent    step = "recent failure"   // does one stand?
	stepLock      step = "lock"             // the leader's
	stepOrphan    step = "orphan"           // take and release the spending lock
	stepAgain     step = "load again"       // renewed meanwhile?
	stepMeanwhile step = "meanwhile failed" // for a reason that is not ours alone?
	stepRenew     step = "renew"            // find out how; nothing is spent
	stepPreflight step = "preflight"        // room on the disk, the key at hand
	stepHand      step = "hand over"        // to who spends; or the person logs in
	stepNote      step = "note"             // the outcome, in the record
	stepUnlock    step = "unlock"           // the leader's
	stepSpendLock step = "spending lock"    // from here on, who spends
	stepSpendLoad step = "load to spend"    // still what the leader saw?
	stepReady     step = "ready to spend"   // the file that will be renamed
	stepSpend     step = "spend"            // POST and verify
	stepKeep      step = "keep"             // seal, fsync, rename
	stepAnswer    step = "answer"           // let go of the spending lock, tell the leader
)

func (s *Source) at(now step) { s.Log.Debug("at", "step", string(now)) }
