package cache

import (
	"encoding/json"
	"os"
	"time"
)

// onWaitDelay is how long a process waits for another before OnWait is called.
const onWaitDelay = time.Second

// LockOwner is the process that renews a login while others wait for it.
type LockOwner struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"` // several machines may share the home directory
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // no process waits for longer
}

// announce writes which process renews the login, for those that wait, and returns the
// function that takes it back. The caller holds the leader's lock.
func (s *Source) announce() (done func()) {
	host, _ := os.Hostname() // the pid says enough
	now := s.now().UTC()
	text, err := json.Marshal(LockOwner{PID: os.Getpid(), Host: host, Since: now, Until: now.Add(s.lockTimeout)})
	if err != nil {
		panic(err) // numbers, strings and times
	}
	path := s.store.Dir.path(s.store.ID + ".who")
	_ = os.Remove(path) // of a process that was killed; or a second name of another file
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return func() {} // then OnWait is not called
	}
	_ = f.Chmod(0o600) // whatever the umask
	_, _ = f.Write(text)
	_ = f.Close()
	return func() { _ = os.Remove(path) }
}

// reportWait calls OnWait with the process that this one waits for, unless it is stopped
// before.
func (s *Source) reportWait() (stop func()) {
	if s.onWait == nil {
		return func() {}
	}
	t := time.AfterFunc(onWaitDelay, func() {
		var h LockOwner
		text, err := s.store.Dir.read(s.store.ID + ".who")
		if err == nil && json.Unmarshal(text, &h) == nil && s.now().Before(h.Until) {
			s.onWait(h)
		}
	})
	return func() { t.Stop() }
}
