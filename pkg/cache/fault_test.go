package cache

// fault is what may befall a process just now: kill -9, Ctrl-C, a disk that is
// full in spite of all, an answer that breaks off.
func (t turn) fault() (all []turn) {
	if t.left == 0 {
		return nil
	}
	t.left--
	c := t.me()
	if c.at != ended && c.at != killed {
		all = append(all, t.kill())
	}
	if c.at == stepHand {
		all = append(all, t.interrupt())
	}
	switch c.child.at {
	case gone:
		return all
	case stepSpend:
		if !c.child.code {
			all = append(all, t.cut())
		}
	case stepKeep:
		all = append(all, t.full())
	}
	return append(all, t.killChild())
}

// kill ends a caller. Its locks go with it, and its child goes on.
func (t turn) kill() turn {
	t.excuse()
	c := t.me()
	switch t.broken {
	case "a lock outlives its holder":
		t.stuck[0] = t.stuck[0] || c.leads
	case "the child dies with its caller":
		c.child = child{}
	}
	*c = caller{kind: c.kind, at: killed, child: c.child}
	return t
}

// excuse counts the login that is lost with a caller: its browser is open, or it
// would have been the one to note that the login was refused. What a child has
// in hand is not lost.
func (t *turn) excuse() {
	c := t.me()
	open := c.tab && c.result == none && !c.child.spends
	if open || c.refused() && (c.tab || c.at == stepNote) {
		t.excuses++
	}
}

// refused reports whether the login was, as c knows or is about to learn.
func (c *caller) refused() bool {
	r := c.result
	if c.child.code {
		r = c.child.result
	}
	return c.login && (r == refused || r == unusual)
}

// interrupt is Ctrl-C: nobody waits for the child, and nothing is noted.
func (t turn) interrupt() turn {
	t.excuse()
	c := t.me()
	c.tab, c.twice, c.result = false, false, none
	return t.to(stepUnlock)
}

// killChild ends a child, and its caller learns of it: it hands a refresh over
// once more.
func (t turn) killChild() turn {
	c := t.me()
	switch c.child.at {
	case stepAnswer:
		if c.tab && c.refused() {
			t.excuses++ // what it does not tell is not noted
		}
	case stepKeep:
		t.gap()
	default:
		if c.child.code && (c.child.spends || c.at == stepHand) {
			t.excuses++
		}
	}
	if t.broken == "a lock outlives its holder" {
		t.stuck[1] = t.stuck[1] || c.child.spends
	}
	dead := c.child
	c.child = child{}
	switch {
	case c.at == stepHand && !dead.code && !c.twice:
		c.twice = true
		return t.spawn(child{seen: c.seen})
	case c.at == stepHand:
		c.result = later
	}
	return t
}

// gap counts a fault between POST and rename: what the server gave is lost, and
// so is the login, where that takes no refresh token twice.
func (t *turn) gap() {
	t.gaps++
	if c := t.me().child; c.result == renewed && (c.code || !t.grace) {
		t.excuses++
	}
}

// full is a disk that does not take what was spent for. The answer is good.
func (t turn) full() turn {
	t.gap()
	return t.childTo(stepAnswer)
}

// cut is an answer that breaks off: the request is sent once more at once.
func (t turn) cut() turn {
	first := t.posted()
	first.gap()
	return first.posted()
}
