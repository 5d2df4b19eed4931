package execcredtest

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// pipeTimeout is how long a pipe may be held after the plugin's end. It is there to
// notice a child that stays, and much longer than one that goes needs.
const pipeTimeout = 3 * time.Second

// pipe is what stands on the other side of a plugin's stdout or stderr.
type pipe struct {
	r, w  *os.File
	ended chan struct{} // nobody holds the pipe any more

	mu   sync.Mutex
	text bytes.Buffer
}

func newPipe() (*pipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &pipe{r: r, w: w, ended: make(chan struct{})}
	go p.read()
	return p, nil
}

func (p *pipe) read() {
	defer close(p.ended)
	buffer := make([]byte, 4096)
	for {
		n, err := p.r.Read(buffer)
		p.mu.Lock()
		p.text.Write(buffer[:n])
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// close lets go of the pipe, and returns all that was written and whether
// somebody else still holds it.
func (p *pipe) close() (text []byte, held bool) {
	_ = p.w.Close()
	select {
	case <-p.ended:
	case <-time.After(pipeTimeout):
		held = true
	}
	_ = p.r.Close()
	return p.soFar(), held
}

func (p *pipe) soFar() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.text.Bytes())
}
