package main

import "sync/atomic"

// Jobs that can be told apart, far more than any run has.
const numbers = 1 << 28

// calls counts those of the handler, and notes of which jobs.
type calls struct {
	count   atomic.Int64
	doubled atomic.Int64
	seen    []atomic.Uint32
}

func newCalls() *calls {
	return &calls{seen: make([]atomic.Uint32, numbers/32)}
}

func (c *calls) add(job int64) {
	bit := uint32(1) << (job % 32)
	if c.seen[job/32].Or(bit)&bit != 0 {
		c.doubled.Add(1)
	}
	c.count.Add(1)
}

func (c *calls) get() int64 {
	return c.count.Load()
}

// onceEach says whether the handler was called for each of so many jobs, and for none twice.
func (c *calls) onceEach(jobs int64) bool {
	return c.count.Load() == jobs && c.doubled.Load() == 0
}
