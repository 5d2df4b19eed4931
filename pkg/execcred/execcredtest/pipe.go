package execcredtest

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// pipeTimeout is how long a pipe may be held after the plugin's end. It detects a child
// process that stays, and is much longer than one that ends needs.
const pipeTimeout = 3 * time.Second

// pipe reads a plugin's stdout or stderr.
type pipe struct {
	r, w  *os.File
	ended chan struct{} // closed when no process holds the pipe any more

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

// close closes the pipe. It returns all that was written, and whether another process still
// holds the pipe.
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
