package oauth

import (
	"net/http"
	"strconv"
	"time"
)

// mostOffset is how wrong a clock may be: beyond it, it is not the clock.
const mostOffset = 24 * time.Hour

// Offset is how far the clock of the server that gave resp is ahead of ours, by
// its Date and, where a cache kept the answer, its Age (RFC 9110 §6.6.1, RFC 9111
// §5.1). It is zero where the server does not say, where it is within what a
// message on its way makes, and where it cannot be.
func Offset(resp *http.Response, now time.Time) time.Duration {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	age, _ := strconv.ParseUint(resp.Header.Get("Age"), 10, 31) // 0 where it is not said
	offset := date.Add(time.Duration(age) * time.Second).Sub(now)
	if offset.Abs() < idLeeway || offset.Abs() > mostOffset {
		return 0
	}
	return offset
}
