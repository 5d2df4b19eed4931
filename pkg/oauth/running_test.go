package oauth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunningTime: the limit of a request counts ticks, and ends with the caller's context.
func TestRunningTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		ctx, cancel := withRunningTime(t.Context(), time.Second)
		defer cancel()
		<-ctx.Done()
		if took := time.Since(begun); took != time.Second+runningTick || !errors.Is(context.Cause(ctx), errTooSlow) {
			t.Errorf("got %v after %s", context.Cause(ctx), took)
		}
		gone := errors.New("gone")
		caller, leave := context.WithCancelCause(t.Context())
		ctx, cancel = withRunningTime(caller, time.Hour)
		defer cancel()
		leave(gone)
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), gone) {
			t.Errorf("got %v", context.Cause(ctx))
		}
	})
}
