package windows

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/danieljoos/wincred"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// commands are these, besides those of testenv:
//
//	same N                 fail unless the last stdout has N lines, which are all equal
//	unreadable DIR         fail if a file in DIR has a token, or if none has an encrypted one
//	install DIR            copy the program to DIR, which then is the first on PATH
//	same-file A B          fail unless two programs on PATH are names of one file
//	local-app-data VAR     set VAR to the user's %LOCALAPPDATA%
//	start-flyte            start a Flyte control plane, $FLYTE, whose users sign in at the
//	                       authorization server; $CA has the authorities of both
//	credentials count N    fail unless the script has N credentials in the Credential Manager
//	credentials delete     delete them
//	credentials break      make the Credential Manager fail (of wine only)
//	credentials mend       end that
//
// and these programs:
//
//	test-console DIALOG CMD [ARG...]    run CMD at a console of its own
//	test-bazel RC URI                   ask the credential helper that a .bazelrc names
//	git                                 git for Windows
//	kubectl                             kubectl; $API is an API server, $API_CA its authority
//	flyteidl FILE                       Flyte's Go client reads FILE as flytectl does, and prints
//	                                    the user that the control plane accepted
//
// DIALOG is a file. Its lines are: "shows REGEXP", which waits until the console shows it;
// "types TEXT"; "opens", the user signs in at the address that is shown; and "pastes", the user
// signs in on another machine and pastes the address at which the browser ends.
var commands = map[string]testenv.Command{
	"same":       same,
	"unreadable": unreadable,
	"install":    install,
	"same-file":  sameFile,
	"local-app-data": func(ts *testscript.TestScript, _ bool, args []string) {
		dir, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
		ts.Check(err)
		ts.Setenv(args[0], dir)
	},
	"start-flyte": startFlyte,
	"credentials": credentials,
}

func same(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	testenv.Want(ts, "lines", len(lines), args[0])
	for _, line := range lines {
		if line != lines[0] {
			ts.Fatalf("%q differs from %q", line, lines[0])
		}
	}
}

func unreadable(ts *testscript.TestScript, _ bool, args []string) {
	secrets := []string{"eyJhbGciOi"} // a JWT
	for _, r := range testenv.MachineOf(ts).Server.Requests("token") {
		for _, name := range []string{"code", "code_verifier", "refresh_token"} {
			if v := r.Form.Get(name); v != "" {
				secrets = append(secrets, v)
			}
		}
	}
	sealed := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				ts.Fatalf("%s has a secret", path)
			}
		}
		if filepath.Ext(path) == ".sealed" && len(text) > 0 {
			sealed++
		}
		return err
	}))
	if sealed == 0 {
		ts.Fatalf("no file has an encrypted token")
	}
}

func install(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	text, err := os.ReadFile(testenv.MachineOf(ts).Program)
	ts.Check(err)
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, testenv.Program+".exe"), text, 0o700))
	ts.Setenv("PATH", dir+string(filepath.ListSeparator)+ts.Getenv("PATH"))
}

func sameFile(ts *testscript.TestScript, _ bool, args []string) {
	var files []fs.FileInfo
	for _, name := range args {
		path, err := look(ts, name)
		ts.Check(err)
		info, err := os.Stat(path)
		ts.Check(err)
		files = append(files, info)
	}
	if !os.SameFile(files[0], files[1]) {
		ts.Fatalf("%s and %s are two files", args[0], args[1])
	}
}

// look finds a program on the PATH of the script.
func look(ts *testscript.TestScript, name string) (string, error) {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name+".exe")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fs.ErrNotExist
}

// stored returns the program's credentials for the server of the script.
func stored(ts *testscript.TestScript) []*wincred.Credential {
	all, err := wincred.FilteredList(testenv.Program + ":" + testenv.MachineOf(ts).Server.URL + "*")
	if err != wincred.ErrElementNotFound {
		ts.Check(err)
	}
	return all
}

func credentials(ts *testscript.TestScript, _ bool, args []string) {
	switch args[0] {
	case "count":
		testenv.Want(ts, "credentials", len(stored(ts)), args[1])
	case "delete":
		for _, c := range stored(ts) {
			ts.Check((&wincred.GenericCredential{Credential: *c}).Delete())
		}
	case "break", "mend":
		ts.Check(breakCredentials(args[0] == "break"))
	default:
		ts.Fatalf("unknown command: credentials %s", args[0])
	}
}

// breakCredentials changes the type of the value in which wine has the key of its Credential
// Manager, which then fails as if the registry were damaged; or changes it back.
func breakCredentials(broken bool) error {
	const name = "EncryptionKey"
	key, err := registry.OpenKey(registry.CURRENT_USER, `Software\Wine\Credential Manager`, registry.ALL_ACCESS)
	if err != nil {
		return err
	}
	defer key.Close()
	if broken {
		value, _, err := key.GetBinaryValue(name)
		if err != nil {
			return err
		}
		return key.SetStringValue(name, hex.EncodeToString(value))
	}
	text, _, err := key.GetStringValue(name)
	if err != nil {
		return err
	}
	value, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	return key.SetBinaryValue(name, value)
}
