package oauth

import "time"

// SetTimer makes c wait between polls by timer.
func SetTimer(c *Client, timer func(time.Duration) <-chan time.Time) { c.timer = timer }

// SetTokenTime limits how long c reads for the answer to a token request.
func SetTokenTime(c *Client, limit time.Duration) { c.tokenTime = limit }
