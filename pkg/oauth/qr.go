package oauth

import (
	"strings"

	"rsc.io/qr"
)

const (
	terminalWidth = 80
	quietZone     = 4 // modules of white around a code: ISO/IEC 18004 §6.3.8
)

// The colours of a line, which are the same on a dark terminal and a light one:
// black on white of the 6×6×6 cube, since themes change the first sixteen.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	noColour     = "\x1b[0m"
)

// qrCode draws text as a QR code, two rows of modules a line. It is empty where
// the code would be wider than a terminal.
func qrCode(text string) string {
	code, err := qr.Encode(text, qr.L)
	if err != nil || code.Size+2*quietZone > terminalWidth {
		return ""
	}
	var b strings.Builder
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		b.WriteString(blackOnWhite)
		for x := -quietZone; x < code.Size+quietZone; x++ {
			b.WriteString(halves(code.Black(x, y), code.Black(x, y+1)))
		}
		b.WriteString(noColour + "\n")
	}
	return b.String()
}

// halves is the character with its upper and its lower half black.
func halves(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
