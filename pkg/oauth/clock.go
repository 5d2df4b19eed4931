package oauth

import (
	"net/http"
	"strconv"
	"time"
)

// How far two clocks differ. Below leastOffset it may be the time that a message takes;
// above mostOffset it is not the clock.
const (
	leastOffset = time.Minute
	mostOffset  = 24 * time.Hour
)

// Offset returns how far the clock of the server that sent resp is ahead of ours, by its
// Date and, if a cache kept the answer, its Age (RFC 9110 §6.6.1, RFC 9111 §5.1). It
// returns 0 if the server does not say, or if the difference is below leastOffset or above
// mostOffset.
func Offset(resp *http.Response, now time.Time) time.Duration {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	age, _ := strconv.ParseUint(resp.Header.Get("Age"), 10, 31) // 0 if absent
	offset := date.Add(time.Duration(age) * time.Second).Sub(now)
	if offset.Abs() < leastOffset || offset.Abs() > mostOffset {
		return 0
	}
	return offset
}
