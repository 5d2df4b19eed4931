package script

import "github.com/rogpeppe/go-internal/testscript"

// Away is m, away from the terminal of whoever runs it: the program would find
// that one, and ask there, where a script means nobody to be.
func Away(m testscript.TestingM) testscript.TestingM { return away{m} }

type away struct{ testscript.TestingM }

func (a away) Run() int {
	leaveTerminal()
	return a.TestingM.Run()
}
