package system

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Interruptible returns a context that ends at the first INT, TERM or HUP. Its cause is
// the result of cause. It catches signals from the first call of Done on, which a warm
// call does not make: catching them would be a tenth of its time. Until then a signal ends
// the process.
func Interruptible(cause func(syscall.Signal) error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	return lazyContext{ctx, sync.OnceFunc(func() {
		stop := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
		if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
			stop = append(stop, syscall.SIGHUP)
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, stop...)
		go func() {
			if s, ok := (<-signals).(syscall.Signal); ok {
				cancel(cause(s))
			}
		}()
	})}
}

// lazyContext calls catch before a caller waits for its end.
type lazyContext struct {
	context.Context
	catch func()
}

func (c lazyContext) Done() <-chan struct{} {
	c.catch()
	return c.Context.Done()
}
