package cache

// step is a stage of a call that gets a token. Steps are logged at the debug level. The
// model in the tests, which visits every interleaving of processes, has the same steps.
type step string

// The steps in their order: those of a process that wants a token, then those of a worker
// under the redeem lock.
const (
	stepLoad       step = "load"              // the saved set
	stepRecent     step = "recent failure"    // is there one that still counts?
	stepLock       step = "lock"              // the leader's
	stepWorker     step = "wait for worker"   // take and release the redeem lock
	stepAgain      step = "load again"        // renewed meanwhile?
	stepMeanwhile  step = "failed meanwhile"  // for a shared reason?
	stepRenew      step = "refresh"           // prepare it; nothing is used up
	stepLogin      step = "log in"            // if one may start; the user sees nothing yet
	stepPreflight  step = "preflight"         // the disk has space, the keyring has the key
	stepDelegate   step = "delegate"          // to a worker; at a login, when the user has answered
	stepRecord     step = "record outcome"    // for other processes and later calls
	stepUnlock     step = "unlock"            // the leader's lock
	stepRedeemLock step = "redeem lock"       // from here on, the worker's
	stepRedeemLoad step = "load to redeem"    // still the set that the leader saw?
	stepReady      step = "ready to redeem"   // the file that will be renamed
	stepIntent     step = "record intent"     // to send the request
	stepSend       step = "send"              // the request, and verify the answer
	stepSave       step = "save"              // seal, fsync, rename
	stepAnswer     step = "answer the leader" // and release the redeem lock
)

// stepMessage begins the message of each step.
const stepMessage = "token: "

func (s *Source) at(now step) { s.log.Debug(stepMessage + string(now)) }
