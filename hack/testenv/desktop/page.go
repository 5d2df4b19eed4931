package desktop

import "encoding/json"

// page follows the main frame of a page, and what it loads, through the events
// of the Page and Network domains, to know when it has come to its end. A load
// event alone is not it: a form that a script submits may begin its journey
// before that event or after it, and be on the way for seconds.
type page struct {
	frame       string          // the main frame's id
	loader      string          // of the document it shows
	loaded      bool            // that document's load event was fired
	asked       bool            // the document asked for another, of which nothing was seen yet
	loading     bool            // a document is on its way, or not complete
	requests    map[string]bool // without their end so far
	unreachable string          // the URL of which an error page is shown
}

// event has what is needed of the parameters of the events in see.
type event struct {
	FrameID     string
	RequestID   string
	Disposition string
	Frame       struct{ ID, LoaderID, UnreachableURL string }
}

// see takes an event.
func (p *page) see(m message) {
	var e event
	if json.Unmarshal(m.Params, &e) != nil {
		return // of a domain that is not ours
	}
	switch m.Method {
	case "Page.loadEventFired":
		p.loaded = true
	case "Page.frameNavigated":
		if e.Frame.ID == p.frame {
			p.navigated(e)
		}
	case "Network.requestWillBeSent":
		p.requests[e.RequestID] = true
	case "Network.loadingFinished", "Network.loadingFailed":
		delete(p.requests, e.RequestID)
	default:
		if e.FrameID == p.frame {
			p.moved(m.Method, e)
		}
	}
}

// navigated starts anew for another document: of what the one before it still
// waited for, no end is told. A document's own request has its loader's id.
func (p *page) navigated(e event) {
	requests := map[string]bool{}
	if p.requests[e.Frame.LoaderID] {
		requests[e.Frame.LoaderID] = true
	}
	p.loader, p.unreachable = e.Frame.LoaderID, e.Frame.UnreachableURL
	p.loaded, p.asked, p.requests = false, false, requests
}

func (p *page) moved(method string, e event) {
	switch method {
	case "Page.frameRequestedNavigation":
		p.asked = p.asked || e.Disposition == "currentTab"
	case "Page.frameStartedNavigating":
		p.asked, p.loading = false, true
	case "Page.frameStartedLoading":
		p.loading = true
	case "Page.frameStoppedLoading":
		p.loading = false
	}
}

// settled says whether the page is complete and nothing it began is under way.
// A script may yet begin something: see [devtools.settle].
func (p *page) settled() bool {
	return p.loaded && p.loader != "" && !p.asked && !p.loading && len(p.requests) == 0
}
