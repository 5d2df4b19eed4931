package cache

import (
	"encoding/json"
	"os"
	"time"
)

// waitUntold is how long a process waits for another without a word.
const waitUntold = time.Second

// Holder is the process that renews a login while others wait for it.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"` // the home directory may be of several machines
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // nobody waits for longer
}

// hold writes down who we are, for whoever waits, and returns the function that
// takes it back. The caller holds the leader's lock.
func (s *Source) hold() (done func()) {
	host, _ := os.Hostname() // the pid says enough
	now := s.Now().UTC()
	text, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Since: now, Until: now.Add(s.Patience)})
	if err != nil {
		panic(err) // numbers, strings and times
	}
	path := s.Store.Dir.path(s.Store.ID + ".who")
	_ = os.Remove(path) // of a process that was killed; or a second name of somebody's file
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return func() {} // then they wait without a word
	}
	_ = f.Chmod(0o600) // whatever the umask
	_, _ = f.Write(text)
	_ = f.Close()
	return func() { _ = os.Remove(path) }
}

// tell has Waiting say whom we wait for, unless stopped before.
func (s *Source) tell() (stop func()) {
	if s.Waiting == nil {
		return func() {}
	}
	t := time.AfterFunc(waitUntold, func() {
		var h Holder
		text, err := s.Store.Dir.read(s.Store.ID + ".who")
		if err == nil && json.Unmarshal(text, &h) == nil && s.Now().Before(h.Until) {
			s.Waiting(h)
		}
	})
	return func() { t.Stop() }
}
