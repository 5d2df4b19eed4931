package oauth

import "time"

// SetTimer has c wait between polls by timer.
func SetTimer(c *Client, timer func(time.Duration) <-chan time.Time) { c.timer = timer }
