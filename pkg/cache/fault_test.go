package cache

// fault is what may befall a process just now: kill -9, Ctrl-C, a disk that is full in
// spite of the preflight, an answer that breaks off.
func (t turn) fault() (all []turn) {
	if t.left == 0 {
		return nil
	}
	t.left--
	c := t.me()
	if c.at != ended && c.at != killed {
		all = append(all, t.kill())
	}
	if c.at == stepDelegate {
		all = append(all, t.interrupt())
	}
	switch c.worker.at {
	case gone:
		return all
	case stepSend:
		if !c.worker.code {
			all = append(all, t.cut())
		}
	case stepSave:
		if !c.worker.first {
			all = append(all, t.full())
		}
	}
	return append(all, t.killWorker())
}

// kill ends a caller. Its locks go with it, and its worker goes on. If its login was under
// way, one process that waits may take over.
func (t turn) kill() turn {
	c := t.me()
	if c.login && (c.at == stepDelegate || c.at == stepRecord) {
		t.pending = true
		if c.result != renewed && (!c.worker.locks || c.worker.result == unusable) {
			t.takeOver()
		}
	}
	switch t.broken {
	case "a lock outlives its owner":
		t.stuck[0] = t.stuck[0] || c.leads
	case "the worker dies with its caller":
		c.worker = worker{}
	}
	*c = caller{kind: c.kind, at: killed, worker: c.worker}
	return t
}

// takeOver allows one process to open a browser again after a login whose process was
// killed.
func (t *turn) takeOver() {
	if !t.tookOver {
		t.excuses++
	}
	t.tookOver = true
}

// interrupt is Ctrl-C: no process waits for the worker.
func (t turn) interrupt() turn {
	c := t.me()
	c.result, c.twice = interrupted, false
	return t.to(stepRecord)
}

// killWorker ends a worker, and its caller learns of it: it delegates a refresh once more.
func (t turn) killWorker() turn {
	c := t.me()
	w := c.worker
	switch {
	case w.at == stepSave && !w.first:
		t.gaps++
	case !w.code && (w.at == stepSend || w.at == stepAnswer && w.result != renewed && w.result != dead):
		t.unsent++
	}
	if t.broken == "a lock outlives its owner" {
		t.stuck[1] = t.stuck[1] || w.locks
	}
	c.worker = worker{}
	switch {
	case c.at == killed && w.code && w.locks:
		t.takeOver()
		return t
	case c.at != stepDelegate:
		return t
	case !w.code && !c.twice:
		c.twice = true
		return t.spawn(worker{seen: c.seen})
	case w.code:
		c.result = unusable
	default:
		c.result = failed
	}
	return t
}

// full is a disk that does not take the answer. The answer is good for its caller; the
// next one has to log in.
func (t turn) full() turn {
	t.gaps++
	w := &t.me().worker
	w.full = true
	if w.result == renewed && w.code {
		t.excuses++
	}
	return t.workerTo(stepAnswer)
}

// cut is an answer that breaks off: the request is sent once more at once.
func (t turn) cut() turn {
	first := t.posted()
	first.server.tries[first.me().worker.seen.gen]--
	first.gaps++
	return first.posted()
}
